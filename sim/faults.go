package sim

// Class is a kind of fault.
type Class uint8

// The classes of faults. A seed has each of them with a probability of one half,
// so that rare combinations come up (swarm testing), and each with an intensity
// of its own.
const (
	FaultDrop Class = iota
	FaultDelay
	FaultDuplicate
	FaultReorder
	FaultOneWay
	FaultPartition
	FaultIsolateLeader
	FaultBridge
	FaultSlowLink
	FaultCrash
	FaultCrashLeader
	FaultPowerCut
	FaultClusterPowerCut
	FaultPause
	FaultSlowDisk
	FaultStalledSync
	FaultDrift
	FaultPoint
	FaultTransfer
	FaultTorn
	FaultDiskError
	FaultFullDisk
	FaultSleep
	FaultWildDrift
	FaultLostDisk
	FaultAddLearner
	FaultAddVoter
	FaultPromote
	FaultDemote
	FaultRemove
	FaultRemoveLeader
	FaultReplace
	FaultJoint
	FaultRot
	FaultLevels
	classes
)

// ByChance says that the class is one that messages meet by chance.
func (c Class) ByChance() bool { return c <= FaultReorder }

// Lasting says that the class is a property of the whole seed.
func (c Class) Lasting() bool {
	return c == FaultDrift || c == FaultTorn || c == FaultWildDrift || c == FaultLevels
}

// weight is how often the class comes, compared with others that a seed has.
func (c Class) weight() int {
	if c == FaultPoint {
		return 3
	}
	return 1
}

// Classes is how many classes of faults there are.
const Classes = int(classes)

// String names the class in words.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "fault " + num(uint64(c))
}

var classNames = [classes]string{
	"dropped messages", "delayed messages", "duplicated and replayed messages", "reordered messages",
	"one-way cuts", "partitions", "isolated leaders", "bridges", "slow links",
	"crashes", "crashes of the leader", "power cuts of a server", "power cuts of the cluster",
	"pauses", "slow disks", "stalled syncs", "drifting clocks",
	"ends at a named point", "handovers",
	"torn sectors", "errors of a disk", "full disks",
	"sleeping machines", "clocks beyond the bound",
	"lost disks", "learners added", "voters added", "promotions", "demotions", "removals", "removals of the leader",
	"replacements", "several changes at once",
	"bits that change on a disk", "programs of two levels",
}

// ClassNamed finds a class by its words.
func ClassNamed(words string) (Class, bool) {
	for c, name := range classNames {
		if name == words {
			return Class(c), true
		}
	}
	return 0, false
}

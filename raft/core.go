package raft

import "errors"

// Core is one replica of one group: the state of Figure 2, and the clockwork
// around it. It is not safe for concurrent use.
type Core struct {
	cfg   Config
	now   Time // the latest that Step was told, on the patient clock; never goes back
	eager Time // the same on the eager clock, which never goes slower; see clocks.go
	rng   random
	begun bool   // EventStarted was told
	fault string // the first broken invariant; not empty: the group has halted

	// Persistent state (Figure 2).
	hard HardState
	log  log
	snap Base // of the newest durable snapshot
	cutB Base // where the log begins, with its configuration
	disk disk

	// Volatile state of every server.
	role     Role
	commit   Index // commitIndex
	handed   Index // how far entries were handed out to be applied
	verified Index // the log equals this term's leader's up to here
	configs  []placedConfig

	leader      NodeID // of this term, 0 unknown
	heardFrom   NodeID // the leader heard last, for stickiness
	heardBoot   Boot
	heardAt     Time
	heardEver   bool
	leaderGone  bool // its process closed all connections to this server
	goneAt      Time
	fastTries   uint8 // how often it stood for election since then
	voteHolds   Time  // until then the vote given in this term may still make a leader
	deadline    Time  // election timer
	postponed   bool  // it was, once since it was drawn
	drawn       Duration
	elections   uint64 // real campaigns begun
	nextGreetAt Time
	greeted     bool // the committed configuration records this server as it is now

	forwarded []forwardedRead // reads asked of the leader

	toldCut Index // the leader needs the log up to here no more, it says
	barrier place // of a damaged disk, see admission.go
	change  changeWait
	leaving bool  // some of peers are members no more; see syncPeers
	removed bool  // a committed configuration says that it has left
	fetch   fetch // a snapshot that the leader offered and this server lacks
	install *Base // the state machine is to begin again from it; see handOut

	// Volatile state of a candidate.
	campaign    uint64
	campaignFor Reason
	ballots     []ballot

	// Volatile state of a leader.
	peers       []peer // in increasing order of ID, without this server
	sessions    uint64
	ledSince    Time // on the eager clock
	ledFrom     Time // the same moment on the patient clock
	graceAt     Time // see checkQuorum
	graceFor    Time
	firstOfTerm Index // its no-op
	round       uint64
	heartbeatAt Time
	tendAt      Time // see leaderWake
	uncommitted int
	logFull     bool
	reads       []pendingRead
	transfer    transfer
	handedOver  bool     // TimeoutNow was sent in this term
	yield       yielding // also while it follows

	pending   []pendingProposal // own proposals without an outcome
	announced []announcement    // what others told of their disks
	timings   []toldTiming      // and of their timing
	tuned     tuning

	out *Output // of the Step under way
}

// New makes a core from what the disk held; the zero Restored is an empty disk.
// now is the current time. The error says in one sentence what does not fit.
func New(cfg Config, disk Restored, now Time) (*Core, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	c := &Core{cfg: cfg.withDefaults(), now: now, eager: now, rng: random{state: cfg.Seed}}
	if err := c.restore(disk); err != nil {
		return nil, err
	}
	c.sessions = c.rng.next() >> 1 // a late reply to an earlier boot names no session of this one
	c.campaign = c.rng.next() >> 1
	c.resetTimer()
	c.nextGreetAt = now
	if c.cfg.NoFastDetection && c.hard.Term > 0 {
		// It may have answered a leader a moment before it went down, and that
		// leader counts on it for the minimum election timeout.
		c.heardEver, c.heardAt = true, now
	}
	return c, nil
}

// restore takes over what the disk held.
func (c *Core) restore(d Restored) error {
	c.hard, c.snap, c.cutB = d.Hard, d.Snapshot, d.Cut
	if d.Cut.Index == 0 {
		c.cutB.Config = c.cfg.Initial
	}
	c.log = log{base: d.Cut.Index, baseTerm: d.Cut.Term}
	c.configs = []placedConfig{{Index: d.Cut.Index, Config: c.cutB.Config}}
	for k := range d.Entries {
		e := d.Entries[k]
		if e.Index != c.log.last()+1 || e.Term < c.log.lastTerm() && !c.lawless() {
			return errors.New("raft: the restored log has a gap, or its terms go back")
		}
		if err := c.noteConfig(&e); err != nil {
			return err
		}
		c.log.append(e)
	}
	switch {
	case d.Snapshot.Index < d.Cut.Index:
		return errors.New("raft: the log was cut beyond the newest snapshot")
	case d.Snapshot.Index > c.log.last():
		return errors.New("raft: the newest snapshot lies beyond the end of the log")
	case d.Hard.Term > termMax:
		return errors.New("raft: the restored term is beyond any that elections can reach")
	case c.log.lastTerm() > d.Hard.Term:
		return errors.New("raft: the log holds a term that the hard state does not know")
	}
	if d.Damaged && c.hard.Standing == Admitted {
		c.hard.Standing = Damaged
		c.disk.hardChanged = true // written with the first Step
	}
	c.commit, c.handed, c.verified = d.Snapshot.Index, d.Snapshot.Index, d.Snapshot.Index
	c.disk.persisted = c.log.last()
	return nil
}

// Step tells the core what happened at the time now, and fills out with what is
// to be done; what out held before is gone. It never blocks and never panics,
// and it is the only thing that changes a core.
func (c *Core) Step(now Time, in Input, out *Output) {
	slept := c.tellTime(now, in.Eager)
	c.begin(out)
	if c.fault != "" {
		c.refuseAll(in)
		return
	}
	if !c.begun {
		c.begun = true
		c.event(EventStarted, 0, c.log.last(), ReasonStart)
		if c.hard.Standing == Damaged {
			c.event(EventDamaged, 0, c.log.last(), ReasonDamaged)
		}
	}
	if c.role == Leader {
		c.checkQuorum(slept) // before anything else: this process may have slept
	}
	switch in.Kind {
	case InputWake:
		c.wake()
	case InputReceive:
		c.receive(in.Message)
	case InputPersisted:
		c.onPersisted(in.Seq)
	case InputPropose:
		c.propose(in.Proposals)
	case InputRead:
		c.read(in.Tag, in.Lease)
	case InputTransfer:
		c.startTransfer(in.Peer, ReasonNone)
	case InputPeerDown:
		c.peerDown(in.Peer, in.Boot)
	case InputSnapshotted:
		c.snapshotted(in.Index)
	case InputChange:
		c.changeConfig(in.Tag, in.Changes)
	case InputInstalled:
		c.installed(in.Base, in.Index)
	}
	c.finish()
}

func (c *Core) begin(out *Output) {
	c.out = out
	out.Write = Write{}
	out.Send = out.Send[:0]
	out.Apply = nil
	out.Restore, out.Fetch = nil, nil
	out.Outcomes = out.Outcomes[:0]
	out.Events = out.Events[:0]
	out.Refused = out.Refused[:0]
	out.Wake = Never
}

// finish turns what the input changed into one Output.
func (c *Core) finish() {
	c.noticeRepair()
	c.issueWrite()
	c.releaseHeld()
	c.handOut()
	c.checkInvariants()
	c.out.Wake = c.nextWake()
	if c.fault != "" { // whatever this Step wanted rests upon what is broken
		c.out.Write, c.out.Send, c.out.Apply, c.out.Wake = Write{}, c.out.Send[:0], nil, Never
		c.out.Restore, c.out.Fetch = nil, nil
	}
	c.out = nil
}

// handOut gives newly committed entries to the state machine.
func (c *Core) handOut() {
	if c.install != nil {
		if c.cfg.DurableApply && c.disk.persisted < c.install.Index {
			return // a crash now would bring the old log back
		}
		c.out.Restore, c.install = c.install, nil
	}
	end := c.commit
	if c.cfg.DurableApply {
		end = min(end, c.disk.persisted)
	}
	if end > c.handed {
		c.out.Apply = c.log.slice(c.handed+1, end)
		c.handed = end
	}
}

// refuseAll answers requests to a group that has halted.
func (c *Core) refuseAll(in Input) {
	switch in.Kind {
	case InputPropose:
		for k := range in.Proposals {
			c.reject(in.Proposals[k].Tag, ReasonFault)
		}
	case InputRead:
		c.outcome(Outcome{Kind: ReadFailed, Tag: in.Tag, Reason: ReasonFault})
	case InputChange:
		c.reject(in.Tag, ReasonFault)
	}
	c.out = nil
}

// wake is called when a deadline has come.
func (c *Core) wake() {
	c.expireForwardedReads()
	switch {
	case c.role == Leader:
		c.leaderWake()
	case c.now >= c.deadline:
		c.electionTimeout()
	}
	c.greetWhenDue()
}

func (c *Core) nextWake() Time {
	w := c.deadline
	if c.role == Leader {
		w = min(c.heartbeatAt, c.tendAt, c.givesUp(c.patient(c.quorumBasis()+Time(c.cfg.ElectionMax)+1)))
		if c.transfer.to != 0 {
			w = min(w, c.transfer.deadline)
		}
	}
	if len(c.forwarded) > 0 {
		w = min(w, c.forwarded[0].deadline)
	}
	if c.mustGreet() {
		w = min(w, c.nextGreetAt)
	}
	return w
}

// receive is the door for messages: what is not for this server, or cannot be,
// goes no further.
func (c *Core) receive(m *Message) {
	if m.Group != c.cfg.Group || m.To != c.cfg.Self || m.From == c.cfg.Self || m.From == 0 {
		c.event(EventMessageIgnored, m.From, 0, ReasonNotMember)
		return
	}
	if m.Term > termMax {
		c.event(EventMessageIgnored, m.From, 0, ReasonStaleTerm)
		return
	}
	if c.meetTerm(m) {
		c.dispatch(m)
	}
}

// meetTerm compares the message's term with ours (§5.1) and says whether the
// message is still of interest.
func (c *Core) meetTerm(m *Message) bool {
	switch m.Kind {
	case KindGreet, KindGreetReply, KindPropose, KindProposeRep, KindReadIndex, KindSnapshotFetch, KindSnapshotChunk:
		return true // no part of an election: says nothing about terms
	case KindRequestVote:
		return m.RequestVote.Pre || c.meetCandidate(m)
	case KindVoteReply:
		if m.VoteReply.Pre && m.VoteReply.Granted {
			return true // the voter may know a later term in which it would vote for us
		}
	}
	switch {
	case m.Term > c.hard.Term && !c.clings(m.Term):
		leader := NodeID(0)
		if m.Kind == KindAppend || m.Kind == KindHeartbeat || m.Kind == KindInstallSnapshot {
			leader = m.From
		}
		c.becomeFollower(m.Term, leader, ReasonHigherTerm)
	case m.Term < c.hard.Term:
		return c.meetLowerTerm(m)
	}
	return true
}

// meetLowerTerm answers a sender whose term is over, so that it learns of ours:
// a leader that nobody follows any more must not go on.
func (c *Core) meetLowerTerm(m *Message) bool {
	switch m.Kind {
	case KindAppend, KindHeartbeat, KindInstallSnapshot:
		if c.hard.Standing != Fresh { // a damaged disk knows its term, and can be repaired in no lower one
			c.holdForTerm(Message{Kind: KindAppendReply, To: m.From, AppendReply: AppendReply{
				Session: m.Append.Session, Rejected: true, Reason: ReasonStaleTerm}})
		}
	case KindVoteReply:
		return true // a refusal may come from a lower term; the campaign tells
	}
	return false
}

func (c *Core) dispatch(m *Message) {
	switch m.Kind {
	case KindRequestVote:
		c.onRequestVote(m)
	case KindVoteReply:
		c.onVoteReply(m)
	case KindAppend:
		c.onAppend(m)
	case KindAppendReply:
		c.onAppendReply(m)
	case KindHeartbeat:
		c.onHeartbeat(m)
	case KindHeartbeatRep:
		c.onHeartbeatReply(m)
	case KindTimeoutNow:
		c.onTimeoutNow(m)
	case KindReadIndex:
		c.onReadIndex(m)
	case KindReadIndexRep:
		c.onReadIndexReply(m)
	case KindPropose:
		c.onPropose(m)
	case KindProposeRep:
		c.out.Refused = append(c.out.Refused, m.ProposeRep)
	case KindInstallSnapshot:
		c.onInstallSnapshot(m)
	case KindGreet:
		c.onGreet(m)
	case KindGreetReply:
		c.onGreetReply(m)
	default:
		c.event(EventMessageIgnored, m.From, 0, ReasonNotMember)
	}
}

// send puts a message into the output at once. Whatever promises something goes
// through holdForTerm or holdForLog instead.
func (c *Core) send(m Message) {
	m.Group, m.From, m.Boot, m.Term = c.cfg.Group, c.cfg.Self, c.cfg.Boot, c.hard.Term
	c.out.Send = append(c.out.Send, m)
}

func (c *Core) event(kind EventKind, peer NodeID, index Index, why Reason) {
	c.out.Events = append(c.out.Events, Event{At: c.now, Kind: kind, Reason: why,
		Group: c.cfg.Group, Node: c.cfg.Self, Peer: peer, Term: c.hard.Term, Index: index})
}

func (c *Core) outcome(o Outcome) { c.out.Outcomes = append(c.out.Outcomes, o) }

func (c *Core) reject(tag uint64, why Reason) {
	c.outcome(Outcome{Kind: Rejected, Tag: tag, Reason: why, Leader: c.leader})
}

// config is the configuration in force: the latest in the log, committed or not (§6).
func (c *Core) config() *Configuration { return &c.configs[len(c.configs)-1].Config }

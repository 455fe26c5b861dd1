package sim

import (
	"strings"

	"veche/raft"
)

// leaveOut takes the names of rules that no core keeps, in a build with the tag lab.
func (p *Player) leaveOut(names []string) error {
	p.without = append(p.without, names...)
	lab, err := raft.LabWithoutNames(p.without)
	if err != nil {
		return p.wrong(err.Error())
	}
	p.opt.Lab = lab
	return nil
}

// holdsBroken takes the name of a promise, or nothing: any that is shown.
func (p *Player) holdsBroken(args []string) (bool, error) {
	name := Invariant(strings.Join(args, " "))
	if name == "" {
		return p.world.Broken() != nil, nil
	}
	if !name.Shown() {
		return false, p.wrong("there is no promise " + string(name) + "; write one as Figure 3 of the paper does: broken Election Safety")
	}
	for _, b := range p.world.AllBroken() {
		if b.Invariant == name {
			return true, nil
		}
	}
	return false, nil
}

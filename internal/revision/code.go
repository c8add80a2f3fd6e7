package revision

// InGo makes a revision whose sections are written in Go: it has no file, and what
// the sections do is known to the one that runs them. header says what a file's
// header would; up and down how the sections run, line where their code begins.
func InGo(header *Revision, up, down Section) (*Revision, error) {
	if err := CheckID(header.ID); err != nil {
		return nil, err
	}
	r := *header
	for _, s := range []*Section{&up, &down} {
		s.InGo, s.path, s.line = true, header.Path, max(s.line, 1)
	}
	up.name, down.name = "up", "down"
	r.code = &Script{Up: up, Down: down}
	return &r, nil
}

// At puts the section's beginning to a line of the revision's Path.
func (s Section) At(line int) Section {
	s.line = line
	return s
}

// InGo tells that the revision is written in Go.
func (r *Revision) InGo() bool { return r.code != nil }

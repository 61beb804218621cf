//go:build linux

// The mutants. The order is that of the catalogue: the plainest first.

package main

// mutant is one way to break the protocol.
type mutant struct {
	name  string
	edits []edit
	by    []killer // the cheapest first
	ten   bool     // one of the ten plainest, of which at least nine must be killed
	short bool     // part of the short form
}

// edit replaces a text that a file has once.
type edit struct{ file, from, to string }

// fence reports whether only the machine code of arm64 can show it.
func (m *mutant) fence() bool {
	for _, k := range m.by {
		if k == fencesPlaced || k == fencesUsed {
			return true
		}
	}
	return false
}

// On amd64 nothing but the machine code for arm64 can show a missing fence.
var (
	fencesPlaced = tests("internal/seqlock", "TestFencesOnARM64")
	fencesUsed   = tests("framebuf", "TestFencesAreUsedOnARM64")
)

func tests(pkg, pattern string) killer { return killer{pkg: pkg, tests: pattern} }
func rows(ids string) killer           { return killer{rows: ids} }

func mutants() []mutant {
	torture := tests("framebuf", "TestNoFrameIsEverTorn")
	model := tests("framebuf", "TestAgainstTheModel")
	creators := tests("framebuf", "TestManyCreatorsOneWinner|TestManyCreatorsOverADeadSegment")
	one := func(file, from, to string) []edit { return []edit{{file, from, to}} }
	return []mutant{
		{
			name: "reader: no second look after the copy", ten: true, short: true,
			edits: one("framebuf/newest.go", "	if !seqlock.Valid(seq, n) {", "	if false {"),
			by:    []killer{torture, rows("B1")},
		},
		{
			name: "writer: no odd mark", ten: true,
			edits: one("internal/seqlock/seqlock.go", "	seq.Store(Writing(n))\n", ""),
			by:    []killer{torture, rows("B1")},
		},
		{
			name: "writer: no fence after the odd mark", ten: true,
			edits: one("internal/seqlock/seqlock.go", "	seq.Store(Writing(n))\n	StoreFence()\n", "	seq.Store(Writing(n))\n"),
			by:    []killer{fencesPlaced},
		},
		{
			name: "reader: no fence before the second look", ten: true,
			edits: one("internal/seqlock/seqlock.go", "	LoadFence()\n	return seq.Load()", "	return seq.Load()"),
			by:    []killer{fencesPlaced},
		},
		{
			name: "publish word before the even mark", ten: true,
			edits: []edit{
				{"framebuf/slot.go", "	seqlock.EndWrite(w.seg.sequence(s.index), w.next)\n", "	w.seg.dyn64(dyPublish).Store(pack(w.next, s.index))\n"},
				{"framebuf/slot.go", "	// sync: publish. The even mark before the publish word.\n	w.seg.dyn64(dyPublish).Store(pack(w.next, s.index))\n", "	seqlock.EndWrite(w.seg.sequence(s.index), w.next)\n"},
			},
			by: []killer{rows("B5")},
		},
		{
			name: "writer: wakes nobody", ten: true,
			edits: one("framebuf/segment.go", "	_ = futex.WakeAll(ev) // a fault here is found at the next touch\n", ""),
			by:    []killer{rows("W4")},
		},
		{
			name: "writer: does not take its lock", ten: true,
			edits: one("framebuf/create.go", "	copy(m.Bytes(), st.encode())\n	if taken, err := file.Lock(0); err != nil || !taken {", "	copy(m.Bytes(), st.encode())\n	if false {"),
			by:    []killer{creators},
		},
		{
			name: "writer: does not look at the lock of the one before", ten: true,
			edits: one("framebuf/create.go", "	case !taken:\n", "	case false:\n"),
			by:    []killer{creators},
		},
		{
			name: "memory is promised, not reserved", ten: true, short: true,
			edits: one("internal/shm/file_linux.go", "unix.Fallocate(f.fd, 0, 0, size)", "unix.Ftruncate(f.fd, size)"),
			by:    []killer{tests("framebuf", "TestNoSpace"), rows("C1")},
		},
		{
			name: "pin: no look at the back word", ten: true, short: true,
			edits: one("framebuf/newest.go", "; ok && bs == slot && b != n {", "; false && ok && bs == slot && b != n {"),
			by:    []killer{tests("framebuf", "TestPinThatComesAfterTheClaim")},
		},

		{
			name: "fence: the instruction of LoadFence", edits: one("internal/seqlock/fence_arm64.s", "	DMB $9\n", ""),
			by: []killer{fencesPlaced},
		},
		{
			name: "fence: the instruction of StoreFence", edits: one("internal/seqlock/fence_arm64.s", "	DMB $10\n", ""),
			by: []killer{fencesPlaced},
		},
		{
			name: "fence: the second look by acquire load alone", edits: one("framebuf/newest.go", "	if !seqlock.Valid(seq, n) {", "	if !seqlock.Begin(seq, n) {"),
			by: []killer{fencesUsed},
		},
		{
			name: "fence: the end check of a view by acquire load alone", edits: one("framebuf/frame.go", "held = seqlock.Valid(", "held = seqlock.Begin("),
			by: []killer{fencesUsed},
		},
		{
			name: "writer: does not look at pins", edits: one("framebuf/claim.go", "if w.pinned(s, force) && !force {", "if false && !force {"),
			by: []killer{tests("framebuf", "TestPinThatComesBeforeTheClaim"), model},
		},
		{
			name: "writer: takes the published slot", edits: one("framebuf/claim.go", "if s == w.front || w.tried[s] ||", "if w.tried[s] ||"),
			by: []killer{tests("framebuf", "TestPublishedSlotIsNeverTaken"), model},
		},
		{
			name: "writer: takes slots that are owed", edits: one("framebuf/claim.go", " || f != 0 && w.owed(f) {", " {"),
			by: []killer{model, rows("B3")},
		},
		{
			name: "pinned view: no end check", edits: one("framebuf/frame.go", "held = seqlock.Valid(f.seg.sequence(f.slot), f.n)", "held = seqlock.Valid(f.seg.sequence(f.slot), f.n) || true"),
			by: []killer{torture, rows("B1")},
		},
		{
			name: "lossless view: the end check says nothing", edits: one("framebuf/frame.go", "		return ErrBroken\n	}\n	return ErrEvicted\n", "		return ErrBroken\n	}\n	return nil\n"),
			by: []killer{tests("framebuf", "TestEvictedViewSaysSo")},
		},
		{
			name: "lossless: the next frame there is, not the one wanted", edits: one("framebuf/segment.go", "		if s.sequence(i).Load() == want {", "		if v := s.sequence(i).Load(); v >= want && v&1 == 0 {"),
			by: []killer{model, rows("B3")},
		},
		{
			name: "lossless: an eviction is not told", edits: one("framebuf/tick.go", "	w.seg.table32(k, rtState).Store(answerEvicted)\n", ""),
			by: []killer{tests("framebuf", "TestEvictedViewSaysSo|TestStoppedLosslessReaderIsEvicted")},
		},
		{
			name: "join: the token of a new owner of a cell is ignored", edits: one("framebuf/tick.go", "			if token != c.token {", "			if token != c.token && c.token == 0 {"),
			by: []killer{tests("framebuf", "TestTwoDeadOwnersOfOneCellDoNotStallTheWriter")},
		},
		{
			name: "join: the dead are never forgotten", edits: one("framebuf/tick.go", "	w.look()\n	w.bury()\n", "	w.look()\n"),
			by: []killer{tests("framebuf", "TestReadersAreKilledHoldingFrames")},
		},
		{
			name: "end: before the final frame", edits: one("framebuf/wait.go", "		if want > s.dyn64(dyFinal).Load() {", "		if true {"),
			by: []killer{tests("framebuf", "TestEndedIsSeenBehindAFreeLock|TestCleanEndAfterMoveIsNoDeath"), model},
		},
		{
			name: "end: taken for a death if the lock was free first", edits: one("framebuf/wait.go", "	if st := s.state(); st.over() {\n		return s.afterEnd(st, want)\n	}\n	if w :=", "	if w :="),
			by: []killer{tests("framebuf", "TestEndedIsSeenBehindAFreeLock")},
		},
		{
			name: "death: before the last published frame", edits: one("framebuf/wait.go", "		return s.afterEnd(st, want)\n	}\n	if w := s.dyn64(dyPublish).Load(); w>>16 >= want {\n		return w, nil\n	}\n	return 0, ErrWriterDied\n}\n\n// orphanTicks", "		return s.afterEnd(st, want)\n	}\n	return 0, ErrWriterDied\n}\n\n// orphanTicks"),
			by: []killer{tests("framebuf", "TestPublishedIsSeenBehindAFreeLock")},
		},
		{
			name: "move: does not wait for arrivals", edits: one("framebuf/move.go", "	if err := w.awaitArrivals(ctx); err != nil {\n		return err\n	}\n", ""),
			by: []killer{tests("framebuf", "TestMovesWaitForEveryArrival"), model},
		},
		{
			name: "move: the reader does not say that it arrived", edits: one("framebuf/follow.go", "		r.ctl.cell64(r.cell, clSeenGen).Store(seg.st.generation.Low())\n", ""),
			by: []killer{tests("framebuf", "TestMovesWaitForEveryArrival")},
		},
		{
			name: "follow: the generation is not looked at", edits: one("framebuf/follow.go", "			if seg.st.generation != read {", "			if true {"),
			by: []killer{tests("framebuf", "TestWriterIsKilledAndComesBack")},
		},
		{
			name: "follow: another chain is taken for a move", edits: one("framebuf/follow.go", "	if seg.st.controlID != r.seg.st.controlID {", "	if false {"),
			by: []killer{tests("framebuf", "TestLosslessLossIsNeverACleanEnd|TestMoveIntoAnotherChain")},
		},
		{
			name: "take-over: numbers begin anew", edits: one("framebuf/create.go", "	return n + 1, previous\n", "	return 0, previous\n"),
			by: []killer{creators},
		},
		{
			name: "take-over: a name that changed hands is not noticed", edits: one("framebuf/create.go", "	case !d.Is(name, s.file):\n", "	case false:\n"),
			by: []killer{creators},
		},
		{
			name: "looking back: what is complete counts, published or not", edits: one("framebuf/recent.go", " && seq/2 <= newest {", " && newest > 0 {"),
			by: []killer{tests("framebuf", "TestRecentLeavesOutTheUnfinished")},
		},
		{
			name: "value: named before it is there", edits: one("framebuf/create.go", "	if fill != nil {\n		if err := fill(s, c); err != nil {", "	if fill != nil {\n		defer func() { _ = fill(s, c) }()\n	} else if fill != nil {\n		if err := fill(s, c); err != nil {"),
			by: []killer{rows("A12")},
		},
		{
			name: "value: its lock is not waited for", edits: []edit{
				{"framebuf/create.go", "	case !taken:\n", "	case !taken && !s.kept():\n"},
				{"framebuf/create.go", "	for range cleanerTries {\n", "	for range 0 * cleanerTries {\n"},
			},
			by: []killer{tests("framebuf", "TestUpdateIsAlone")},
		},
		{
			name: "value: a sweep takes it", edits: one("framebuf/segment.go", "return s.st.flags&flagKept != 0", "return false && s.st.flags&flagKept != 0"),
			by: []killer{tests("framebuf", "TestUpdateKilled")},
		},
		{
			name: "wake: one sleeper only", edits: one("internal/futex/futex_unsafe.go", "opWake, all, 0", "opWake, 1, 0"),
			by: []killer{tests("internal/futex", "TestWakeAllWakesAll")},
		},
		{
			name: "wake: inside one process only", edits: one("internal/futex/futex_unsafe.go", "opWait, uintptr(val)", "opWait|128, uintptr(val)"),
			by: []killer{tests("internal/futex", "TestWakeReachesAnotherProcess")},
		},
		{
			name: "wait: who waits for a sleeper does not look again", edits: one("internal/futex/lobby.go", "	if word.Load() != val { // may fault, as the memory may be gone", "	if false {"),
			by: []killer{tests("internal/futex", "TestLobbyDoesNotSleepThroughAChange")},
		},
		{
			name: "memory that is gone is not caught", edits: one("internal/shm/guard.go", "	old := debug.SetPanicOnFault(true)", "	old := debug.SetPanicOnFault(false)"),
			by: []killer{tests("framebuf", "TestNewestSurvivesTruncatedControl"), rows("C3")},
		},
		{
			name: "plug-in: says that it is done, then copies", edits: []edit{
				{"clients/ffmpeg/framebridge_lane.c", "  m.kind = LANE_DONE, m.status =", "  const int good = status == LANE_OK;\n  m.kind = LANE_DONE, m.status ="},
				{"clients/ffmpeg/framebridge_lane.c", "  if (status == LANE_OK) status = l->draws ? copy(l, out, l->stride, p, m.stride) : copy(l, p, m.stride, in, l->stride);\n", ""},
				{"clients/ffmpeg/framebridge_lane.c", "  m.magic = LANE_MAGIC, m.version = LANE_VERSION;\n  give(l, &m);\n", "  m.magic = LANE_MAGIC, m.version = LANE_VERSION;\n  give(l, &m);\n  if (good) l->draws ? copy(l, out, l->stride, p, m.stride) : copy(l, p, m.stride, in, l->stride);\n"},
			},
			by: []killer{rows("F1p")},
		},
		{
			name: "plug-in: memory that is gone is not caught", edits: one("clients/ffmpeg/framebridge_lane.c", "  guard = &here;\n", "  guard = NULL;\n"),
			by: []killer{rows("C3p")},
		},
		{
			name: "plug-in: what a dead ffmpeg left behind is published", edits: one("capture/lane.go", "		return p.cut(s, io.ErrUnexpectedEOF)\n", "		s.short = true\n"),
			by: []killer{rows("F1p")},
		},
	}
}

// The tick: answering readers that join, forgetting those that died, evicting
// those that stand still.

package framebuf

import (
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/shm"
)

const (
	tickEvery   = 50 * time.Millisecond
	reportEvery = 5 * time.Second
	spliceGrace = time.Second // pages of a dead reader may still sit in a pipe
	brokenLimit = 3           // pins broken in a row until a cell's pins are ignored
)

// cell is what the writer privately knows of one reader cell.
type cell struct {
	token     uint64 // answered; 0 no reader
	mode      Mode
	lossless  bool   // joined as a lossless reader: done is kept from being overwritten
	done      uint64 // n+1 of the highest frame believed let go; only rises
	spliced   bool
	deadSince int64 // ns; first seen dead while spliced
	blocked   int64 // ns since when the writer needs a slot that it owes; 0 not
	reported  int64 // ns of the last OnWait
	pins      [pins]pinSeen
	brokenRun int
}

type pinSeen struct {
	frame  uint64
	since  int64 // ns on the writer's clock
	broken bool
}

// ignored reports whether pins of the cell no longer count: it lost too many in
// a row, and must register anew.
func (c *cell) ignored() bool { return c.brokenRun >= brokenLimit }

// run ticks until Close.
func (w *Writer) run() {
	defer close(w.done)
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-t.C:
			w.mu.Lock()
			_ = shm.Guard(func() error { w.tick(); return nil }, w.seg.m)
			w.mu.Unlock()
		}
	}
}

// tick runs with mu held.
func (w *Writer) tick() {
	w.ticks++
	w.seg.dyn64(dyHeartbeat).Add(1)
	w.look()
	w.bury()
	if w.ticks%10 == 0 && !w.closed && !w.opts.Sealed && !w.dir.Is(w.name, w.seg.file) {
		w.unlinked = true
	}
}

// guardControl touches the control file, which any reader may truncate. After a
// fault the file is lost: pins and lossless readers are void, copying goes on.
func (w *Writer) guardControl(touch func()) bool {
	if w.ctlLost {
		return false
	}
	err := shm.Guard(func() error { touch(); return nil }, w.ctl.m)
	if err != nil {
		w.ctlLost = true
		w.dropReaders()
	}
	return err == nil
}

// dropReaders evicts everyone: the control file is lost.
func (w *Writer) dropReaders() {
	for k := range w.cells {
		if w.cells[k].lossless {
			w.evictCell(k)
		}
	}
	w.seg.ring()
}

// look takes in what the cells say: new tokens and cursors.
func (w *Writer) look() {
	w.guardControl(func() {
		for k := 1; k < len(w.cells); k++ {
			c := &w.cells[k]
			// sync: join. The reader stores its token after everything else in the cell.
			token := w.ctl.cell64(k, clToken).Load()
			if token != c.token {
				w.join(k, token)
			}
			if c.lossless {
				// sync: cursor. A cursor is a promise not to look at these frames again.
				cur := min(w.ctl.cell64(k, clCursor).Load(), w.next) // w.next is n+1 of the newest
				if cur > c.done && w.ctl.cell64(k, clToken).Load() == c.token {
					c.done, c.blocked, c.reported = cur, 0, 0
				}
			}
		}
	})
}

// join ends the registration that cell k had and answers the new one.
func (w *Writer) join(k int, token uint64) {
	if old := &w.cells[k]; old.spliced && old.lossless && (token != 0 || old.deadSince != 0) {
		// The one before died: it would have left with token 0. That a next one came,
		// and perhaps left, does not end the grace.
		now := shm.Mono()
		if old.deadSince == 0 {
			old.deadSince = now
		}
		if now-old.deadSince < int64(spliceGrace) {
			return // its pages may still sit in a pipe: answered after the grace
		}
	}
	// A token that changed ends the old registration, whatever becomes of the new one.
	w.cells[k] = cell{}
	if token == 0 || w.closed || !w.alive(k) {
		return // asked again at the next tick, or never
	}
	c := cell{token: token, mode: Mode(w.ctl.cell32(k, clMode).Load())}
	hold := w.ctl.cell32(k, clHold).Load()
	c.spliced = w.ctl.cell32(k, clWishes).Load()&wishSpliced != 0
	state, reason, detail := uint32(answerJoined), uint32(0), uint64(0)
	first := w.next + 1
	if w.front >= 0 {
		first = w.frames[w.front]
	}
	if c.mode == Lossless {
		switch {
		case w.opts.Lossless == LosslessRefuse:
			state, reason = answerRefused, refusedPolicy
		case int64(hold) > int64(w.seg.st.slots-1):
			state, reason, detail = answerRefused, refusedHold, uint64(hold)+1
		default:
			c.lossless, c.done = true, first-1
			w.hadLossless = true
		}
	}
	w.seg.table64(k, rtFirst).Store(first)
	w.seg.table64(k, rtDetail).Store(detail)
	w.seg.table32(k, rtReason).Store(reason)
	w.seg.table32(k, rtState).Store(state)
	failpoint.At("answering")
	// sync: answer. The token is stored last, so that a reader that sees it sees
	// the rest.
	w.seg.table64(k, rtToken).Store(token)
	failpoint.At("answered")
	w.cells[k] = c
	w.seg.ring()
}

// bury forgets readers whose lock is free and whose cell nobody took over.
func (w *Writer) bury() {
	w.guardControl(func() {
		now := shm.Mono()
		for k := 1; k < len(w.cells); k++ {
			c := &w.cells[k]
			if c.token == 0 || c.deadSince == 0 && w.alive(k) || w.ctl.cell64(k, clToken).Load() != c.token {
				continue
			}
			if c.spliced && c.lossless {
				if c.deadSince == 0 {
					c.deadSince = now
				}
				if now-c.deadSince < int64(spliceGrace) {
					continue
				}
			}
			// The cell keeps the dead token: remember it, so that it is not answered.
			*c = cell{token: c.token}
		}
	})
}

// alive asks the kernel whether the reader of cell k lives. Never cached: a new
// owner may have pinned the same frame.
func (w *Writer) alive(k int) bool {
	locked, err := w.ctl.file.Locked(int64(k))
	return err == nil && locked
}

// block notes whom the writer waits for: those who owe the oldest frame.
func (w *Writer) block() {
	oldest := ^uint64(0)
	for s, f := range w.frames {
		if s != w.front {
			oldest = min(oldest, f)
		}
	}
	now := shm.Mono()
	for k := range w.cells {
		if c := &w.cells[k]; c.lossless && c.done < oldest && c.blocked == 0 {
			c.blocked, c.reported = now, now
		}
	}
}

// unblock forgets the waiting: a slot was found.
func (w *Writer) unblock() {
	for k := range w.cells {
		w.cells[k].blocked = 0
	}
}

// evict goes on without the readers that stood still for too long. Only a call
// that waits for them evicts: an orderly end, or a writer that wants nothing,
// never does.
func (w *Writer) evict(now int64) {
	if w.opts.Lossless != LosslessEvict {
		return
	}
	rang := false
	for k := range w.cells {
		if c := &w.cells[k]; c.lossless && c.blocked != 0 && now-c.blocked >= int64(w.opts.EvictAfter) {
			w.evictCell(k)
			rang = true
		}
	}
	if rang {
		w.seg.ring()
	}
}

func (w *Writer) evictCell(k int) {
	c := &w.cells[k]
	w.seg.table64(k, rtEvictedAt).Store(c.done)
	failpoint.At("evicting")
	// sync: evict. Stored before any slot that the reader owed is claimed.
	w.seg.table32(k, rtState).Store(answerEvicted)
	failpoint.At("evicted")
	w.seg.dyn64(dyEvicted).Add(1)
	c.lossless, c.blocked = false, 0
}

// report calls OnWait for readers that the writer has waited for long. Called
// without mu, so that the callback may use the writer.
func (w *Writer) report() {
	if w.opts.OnWait == nil {
		return
	}
	var due []Waiting
	w.mu.Lock()
	w.guardControl(func() {
		now := shm.Mono()
		for k := range w.cells {
			c := &w.cells[k]
			if c.blocked == 0 || now-c.reported < int64(reportEvery) {
				continue
			}
			c.reported = now
			due = append(due, Waiting{
				Reader: k, Label: w.ctl.label(k),
				PID: int(w.ctl.cell32(k, clPID).Load()), For: time.Duration(now - c.blocked),
			})
		}
	})
	w.mu.Unlock()
	for _, d := range due {
		w.opts.OnWait(d)
	}
}

// registered counts the readers that are known and alive.
func (w *Writer) registered() int {
	n := 0
	for k := 1; k < len(w.cells); k++ {
		if w.cells[k].token != 0 && w.alive(k) {
			n++
		}
	}
	return n
}

// losslessLeft reports whether a lossless reader has not yet let go of the last
// frame, or has not left.
func (w *Writer) losslessLeft() bool {
	for k := range w.cells {
		if w.cells[k].lossless {
			return true
		}
	}
	return false
}

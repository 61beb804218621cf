// Memory: what a thread stores need not be seen by the others at once, nor in
// order.

package model

// memoryModel says how far.
type memoryModel uint8

const (
	// sc: every store is seen at once.
	sc memoryModel = iota
	// tso is amd64: stores wait in a queue of their thread and leave it in order; a
	// sequentially consistent store (XCHG) waits until the queue is empty.
	tso
	// weak is like arm64: stores leave the queue in any order, except that a release
	// store (STLR) leaves after all before it, that a fence (DMB ISHST) keeps those
	// before it before those after it, and that two stores to one word stay in
	// order. A sequentially consistent load (LDAR) waits for the release stores of its
	// own thread. Loads of one read window go in any order, see reads.go.
	weak
)

func (m memoryModel) String() string { return [...]string{"SC", "TSO", "weak"}[m] }

// order of one store.
type order uint8

const (
	plain   order = iota
	release       // C11 release: no more
	seqcst        // what Go's atomics are
)

const (
	queueLength = 4
	slotCount   = 3
	readerCount = 2
)

// The words of the shared memory, for the model of slots.
const (
	wordSeq     = 0
	wordHeader  = wordSeq + slotCount
	wordPayload = wordHeader + slotCount
	wordPin     = wordPayload + slotCount
	wordPublish = wordPin + readerCount
	wordBack    = wordPublish + 1
	wordCount   = wordBack + 1
)

// pending is a store that others do not see yet.
type pending struct {
	word, value, epoch uint8
	release            bool
}

// queue is the store buffer of one thread.
type queue struct {
	n, epoch uint8
	entry    [queueLength]pending
}

// memory is what all see, and what each thread has still to show.
type memory struct {
	word  [wordCount]uint8
	queue [1 + readerCount]queue // the writer's, then the readers'
}

// canStore says whether thread th may store now.
func (m *memory) canStore(model memoryModel, th int, o order) bool {
	q := &m.queue[th]
	return model == sc || q.n < queueLength && (model != tso || o != seqcst || q.n == 0)
}

// store stores; in a weaker model that is at first a promise.
func (m *memory) store(model memoryModel, th int, word, value uint8, o order) {
	if model == sc || model == tso && o == seqcst {
		m.word[word] = value
		return
	}
	q := &m.queue[th]
	q.entry[q.n] = pending{word, value, q.epoch, model == weak && o != plain}
	q.n++
}

// fence is StoreFence.
func (m *memory) fence(model memoryModel, th int) {
	if q := &m.queue[th]; model == weak && q.n > 0 {
		q.epoch++
	}
}

// canLoad says whether a sequentially consistent load may go now.
func (m *memory) canLoad(model memoryModel, th int) bool {
	q := &m.queue[th]
	for i := range q.n {
		if model == weak && q.entry[i].release {
			return false
		}
	}
	return true
}

// load is what thread th sees: its own stores first.
func (m *memory) load(th int, word uint8) uint8 {
	q := &m.queue[th]
	for i := int(q.n) - 1; i >= 0; i-- {
		if q.entry[i].word == word {
			return q.entry[i].value
		}
	}
	return m.word[word]
}

// canDrain says whether store i of thread th may become visible now.
func (m *memory) canDrain(model memoryModel, th, i int) bool {
	q := &m.queue[th]
	x := &q.entry[i]
	if model == tso || x.release {
		return i == 0
	}
	for j := range i {
		if y := &q.entry[j]; y.word == x.word || y.epoch != x.epoch {
			return false
		}
	}
	return true
}

// drain makes it visible.
func (m *memory) drain(th, i int) pending {
	q := &m.queue[th]
	x := q.entry[i]
	copy(q.entry[i:], q.entry[i+1:q.n])
	q.n--
	q.entry[q.n] = pending{}
	m.word[x.word] = x.value
	q.renumber()
	return x
}

// renumber counts the fences that still matter from 0, so that what differs only
// in fences long passed is one state.
func (q *queue) renumber() {
	last, next := uint8(0), uint8(0)
	for i := range q.n {
		x := &q.entry[i]
		if i > 0 && x.epoch != last {
			next++
		}
		last, x.epoch = x.epoch, next
	}
	if q.n > 0 && q.epoch != last {
		next++
	}
	q.epoch = next
}

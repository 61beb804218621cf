// The mutants: the protocol with one thing wrong. Each must be found out.

package model

// mutant is one way to break the protocol.
type mutant uint8

const (
	intact mutant = iota

	// Of slots.
	noOdd              // the sequence is not odd while the frame is written
	publishEarly       // the frame is complete and published before its payload is there
	noStoreFence       // no fence after the odd mark
	plainMarks         // the even mark and the publish word are plain stores
	noValid            // the sequence is not looked at again after the payload
	noLoadFence        // no fence before that second look
	noBack             // a pinning reader does not look at the back word
	sequenceBeforeBack // it looks at the sequence first
	plainPin           // the pin is a plain store
	pinRelease         // the pin is a release store, and the load after it does not wait
	plainClaim         // the back word is a plain store
	claimRelease       // the back word is a release store, and the load after it does not wait
	pinsBeforeClaim    // the writer looks at the pins before it stores the back word
	clearBeforeCheck   // the pin is cleared before the end check
	unboundLook        // who looks back takes complete frames above the published one too
	believesTick       // the writer believes what a tick saw of the cell's lock

	// Of a segment's life.
	publishFirst     // the publish word is stored before the even mark
	newestInstead    // a lossless reader takes the newest frame
	cursorFirst      // a lossless reader stores its cursor before its end check
	noToken          // a reader takes any answer for its own
	tokenFirst       // the writer stores the answered token before the rest
	noZero           // a reader does not zero the cell that it takes
	writerClears     // the writer clears a dead reader's cell
	evictLate        // an eviction is told after the slot was taken
	noArrivals       // a move does not wait until readers have mapped the generation before
	seenFirst        // a reader says that it has mapped a generation before it has
	noLastWait       // the name is taken away before readers have found the last generation
	noCarryOver      // answers do not go over to the next generation
	lockAfterName    // the next generation gets its lock after its name
	stateFirst       // ended and moved are stored before the final frame
	noFinal          // ended is the end, whatever is still to be read
	noStateAgain     // a free lock is death: the state is not looked at again
	noWordAgain      // a free lock is death: the publish word is not looked at again
	buryEnded        // a take-over stores dead over ended
	noNameCheck      // a take-over does not look whether the name still means what it locked
	unlinkFirst      // a take-over unlinks the dead one before it links the new one
	askedIsPromised  // a reader that was not answered says that a promised frame is gone
	movesArePrevious // a generation that moved looks like one that took over from a dead writer
	answerBeforeIdle // a joining reader looks for its answer, and then whether anybody writes
	idleTakesMoved   // a reader that joins takes a generation that has moved for one that nobody writes

	// Of sleeping and waking.
	eventLate // the event is loaded after what is waited for
	ringFirst // the event is rung before the store that it speaks of
	noWake    // the event changes, and nobody is woken

	mutantCount
)

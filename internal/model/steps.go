// The steps of the model, and the code that each of them stands for.

package model

// step is one step of one process. Where a process stands is the step that it
// takes next.
type step uint8

// kind says what sort of thing a step is; most are just what the code does.
type kind uint8

const (
	killing kind = 1 << iota // SIGKILL
	closing                  // somebody decides to end
	timing                   // nothing happened for long enough
	broken                   // in mutants only
	outside                  // nothing of framebuf's: the memory, the observer, the bounds
)

const (
	none step = iota

	// The ends of every process.
	finished
	dead

	// A new writer, and who removes what is dead.
	startSweep
	startLook
	startLock
	startIs
	startSucceed
	startControl
	startLink
	startStage
	startRename
	startUnlink
	startBury
	startUnlinkControl
	startRelease

	// The writer publishes.
	idle
	writerTick
	writerBegin
	writerChoose
	writerClaim
	writerPins
	writerAlive
	writerClaimLate
	writerOdd
	writerHeader
	writerPayload
	writerAbandon
	writerEven
	writerPublish
	blocked
	writerPause
	writerEvict

	// The writer looks at the cells.
	lookToken
	lookAlive
	answerRest
	answerToken
	lookCursor
	lookAgain
	buryAlive
	buryToken
	buryClear

	// The writer moves.
	writerSetFormat
	arriveSeen
	arriveLate
	moveBuild
	moveStage
	moveRename
	moveFinal
	moveState
	moveRelease

	// The writer ends.
	writerClose
	closeFinal
	closeEnded
	closeLinger
	closeSeen
	closeLate
	closeGiveUp
	closeUnlink
	closeUnlinkControl
	closeRelease

	// A reader comes and joins.
	openName
	openControl
	openIdle
	cellLock
	cellZero
	cellSeen
	cellToken
	joinIdle
	joinLock
	joinAnswer
	joinTake
	joinMoved
	joinAlone

	// A reader goes on with the next generation, and leaves.
	hopName
	hopSeen
	leaveToken
	leaveLock

	// A lossless reader reads.
	losslessPromised
	losslessWord
	awaitPromised
	losslessFind
	losslessBegin
	losslessBody
	losslessValid
	losslessCursor
	losslessLost

	// Any reader waits.
	awaitState
	awaitLock
	awaitStateAgain
	awaitWordAgain
	awaitFinal
	awaitAfterWord

	// A reader of the newest frame.
	readWord
	lookBack
	readPin
	readBack
	readEarly
	readBegin
	readHeader
	readBody
	readValid
	readClear

	// Sleeping and waking.
	sleepEvent
	sleepLook
	sleepWait
	wakeStore
	wakeAdd
	wakeAll
	sleepTimeout

	// What comes from outside.
	writerKilled
	readerKilled
	readerComes
	readerCloses
	readerEnds
	writerEnds
	writerGivesUp
	storeSeen
	observes

	stepCount
)

// stepInfo describes a step.
type stepInfo struct {
	what string
	code []string // the functions of framebuf whose step this is
	kind kind
}

func in(functions ...string) []string { return functions }

// info looks a step up.
func info(st step) *stepInfo { return &stepTable[st] }

// stepTable is never changed. Functions of other packages that framebuf calls
// stand where framebuf calls them.
var stepTable = [stepCount]stepInfo{
	finished: {what: "has ended", kind: outside},
	dead:     {what: "is dead", kind: outside},

	startSweep:         {what: "start: sweep hidden leftovers", code: in("sweepLeftovers", "collect", "controlNeeded")},
	startLook:          {what: "start: open what has the name", code: in("claimName", "lockDead", "removeDead")},
	startLock:          {what: "start: try its lock", code: in("lockDead")},
	startIs:            {what: "start: does the name still mean it", code: in("lockDead")},
	startSucceed:       {what: "start: read the last number", code: in("succeed", "(*segment).lastNumber")},
	startControl:       {what: "start: build both files, link the control file", code: in("takeName", "buildBoth", "buildControl", "fillControl", "build")},
	startLink:          {what: "start: link it to the free name", code: in("takeName")},
	startStage:         {what: "start: link it to a hidden name", code: in("replace")},
	startRename:        {what: "start: rename it over the dead one", code: in("replace")},
	startUnlink:        {what: "unlink the name of a dead segment", code: in("removeDead")},
	startBury:          {what: "store dead over live in the old one", code: in("bury")},
	startUnlinkControl: {what: "unlink the dead one's control file", code: in("takeName", "removeDead")},
	startRelease:       {what: "let go of the dead one", code: in("takeName", "removeDead")},

	idle:            {what: "does nothing", kind: outside},
	writerTick:      {what: "tick", code: in("(*Writer).run", "(*Writer).tick")},
	writerBegin:     {what: "begin a frame", code: in("(*Writer).Begin")},
	writerChoose:    {what: "choose a slot", kind: broken},
	writerClaim:     {what: "claim: choose, store the back word", code: in("(*Writer).claim", "(*Writer).choose", "(*Writer).owed", "(*Writer).longestHeld", "(*Writer).block")},
	writerPins:      {what: "claim: load a pin", code: in("(*Writer).pinned", "(*Writer).pinsOf")},
	writerAlive:     {what: "claim: pinned; does its reader live", code: in("(*Writer).pinned", "(*Writer).breakPins", "(*Writer).alive")},
	writerClaimLate: {what: "store the back word", kind: broken},
	writerOdd:       {what: "claim: sequence odd, store fence", code: in("(*Writer).claim", "(*Writer).unblock")},
	writerHeader:    {what: "store the first half", code: in("(*Writer).publish")},
	writerPayload:   {what: "store the payload", code: in("(*Writer).Publish")},
	writerAbandon:   {what: "give the frame up half-way", code: in("(*Slot).Abandon")},
	writerEven:      {what: "publish: sequence even", code: in("(*Writer).publish")},
	writerPublish:   {what: "publish: store the publish word", code: in("(*Writer).publish")},
	blocked:         {what: "waits for readers", code: in("(*Writer).awaitCursors")},
	writerPause:     {what: "sleep for a tick, look again", code: in("(*Writer).pause", "(*Writer).sleep", "(*Writer).progress", "(*Writer).awaitCursors")},
	writerEvict:     {what: "evict who stands still", code: in("(*Writer).evict", "(*Writer).evictCell"), kind: timing},

	lookToken:   {what: "look: load a token", code: in("(*Writer).look", "(*Writer).join")},
	lookAlive:   {what: "join: is the cell locked", code: in("(*Writer).join", "(*Writer).alive")},
	answerRest:  {what: "join: store first and joined", code: in("(*Writer).join")},
	answerToken: {what: "join: store the answered token", code: in("(*Writer).join")},
	lookCursor:  {what: "look: load a cursor", code: in("(*Writer).look")},
	lookAgain:   {what: "look: load the token again, believe the cursor", code: in("(*Writer).look")},
	buryAlive:   {what: "bury: is the cell locked", code: in("(*Writer).bury", "(*Writer).alive")},
	buryToken:   {what: "bury: load the token, forget the reader", code: in("(*Writer).bury")},
	buryClear:   {what: "clear the dead reader's cell", kind: broken},

	writerSetFormat: {what: "a format that does not fit", code: in("(*Writer).SetFormat", "(*Writer).setFormat", "(*Writer).move")},
	arriveSeen:      {what: "move: load SeenGen of a lossless reader", code: in("(*Writer).awaitArrivals", "(*Writer).notArrived")},
	arriveLate:      {what: "waits for readers to arrive", code: in("(*Writer).awaitArrivals")},
	moveBuild:       {what: "move: build the next one, carry over", code: in("(*Writer).move", "build", "carryOver")},
	moveStage:       {what: "move: name still ours; hidden name", code: in("(*Writer).move", "replace")},
	moveRename:      {what: "move: rename it over the old one", code: in("replace")},
	moveFinal:       {what: "move: store the old one's final frame", code: in("(*Writer).move")},
	moveState:       {what: "move: store moved", code: in("(*Writer).move")},
	moveRelease:     {what: "move: let go of the old one", code: in("(*Writer).move")},

	writerClose:        {what: "close", code: in("(*Writer).Close"), kind: closing},
	closeFinal:         {what: "close: store the final frame", code: in("(*Writer).Close")},
	closeEnded:         {what: "close: store ended", code: in("(*Writer).Close")},
	closeLinger:        {what: "close: has lingered", code: in("(*Writer).linger", "(*Writer).losslessLeft")},
	closeSeen:          {what: "close: load SeenGen of a lossless reader", code: in("(*Writer).awaitLast", "(*Writer).notArrived")},
	closeLate:          {what: "close: waits for readers to arrive", code: in("(*Writer).awaitLast")},
	closeGiveUp:        {what: "close: waits no longer, leaves the name", code: in("(*Writer).awaitLast"), kind: timing},
	closeUnlink:        {what: "close: name still ours; unlink it", code: in("(*Writer).remove")},
	closeUnlinkControl: {what: "close: unlink the control file", code: in("(*Writer).remove")},
	closeRelease:       {what: "close: let go of both files", code: in("(*Writer).remove")},

	openName:    {what: "open what has the name", code: in("open", "(*Reader).find", "(*Reader).look", "(*Reader).adopt")},
	openControl: {what: "open its control file", code: in("(*Reader).register", "(*Reader).finishJoining", "openControl")},
	openIdle:    {what: "no control file: does anybody write", code: in("(*Reader).register", "(*segment).idle")},
	cellLock:    {what: "lock a free cell", code: in("(*Reader).takeCell")},
	cellZero:    {what: "zero cursor and pins", code: in("(*Reader).takeCell")},
	cellSeen:    {what: "store SeenGen", code: in("(*Reader).takeCell")},
	cellToken:   {what: "store the token", code: in("(*Reader).takeCell")},
	joinAnswer:  {what: "join: load the answered token", code: in("(*Reader).answered")},
	joinTake:    {what: "join: take the answer", code: in("(*Reader).takeAnswer", "(*Reader).startAt")},
	joinMoved:   {what: "join: nobody writes; has it moved", code: in("(*Reader).answered")},
	joinIdle:    {what: "join: is it over", code: in("(*Reader).join", "(*segment).idle")},
	joinLock:    {what: "join: is the writer's lock free", code: in("(*Reader).join", "(*segment).idle")},
	joinAlone:   {what: "join: no answer needed, begin at the newest", code: in("(*Reader).selfAdmit", "(*Reader).startAt")},

	hopName:    {what: "hop: open what has the name", code: in("(*Reader).hop", "(*Reader).follow", "(*Reader).find", "(*Reader).adopt")},
	hopSeen:    {what: "hop: store SeenGen", code: in("(*Reader).adopt")},
	leaveToken: {what: "leave: token 0", code: in("(*Reader).leave")},
	leaveLock:  {what: "leave: unlock", code: in("(*Reader).leave", "(*control).release")},

	losslessPromised: {what: "next: does the promise stand", code: in("(*Reader).readLossless", "(*Reader).promised")},
	losslessWord:     {what: "wait: load the publish word", code: in("(*Reader).await")},
	awaitPromised:    {what: "wait: does the promise stand", code: in("(*Reader).await", "(*Reader).promised")},
	losslessFind:     {what: "next: load a sequence", code: in("(*Reader).readLossless", "(*segment).find")},
	losslessBegin:    {what: "next: header, sequence again", code: in("(*Reader).readLossless", "(*Reader).header", "(*Reader).inPlace")},
	losslessBody:     {what: "read in place", code: in("(*Frame).Bytes")},
	losslessValid:    {what: "release: sequence again", code: in("(*Frame).Release", "(*Frame).valid")},
	losslessCursor:   {what: "release: store the cursor", code: in("(*Reader).drop", "(*Reader).letGo")},
	losslessLost:     {what: "not there: does the promise stand", code: in("(*Reader).lost", "(*Reader).promised")},

	awaitState:      {what: "wait: load the state", code: in("(*Reader).await")},
	awaitLock:       {what: "wait: is the writer's lock free", code: in("(*segment).verdict")},
	awaitStateAgain: {what: "wait: load the state again", code: in("(*segment).verdict")},
	awaitWordAgain:  {what: "wait: load the publish word again", code: in("(*segment).verdict")},
	awaitFinal:      {what: "over: load the final frame", code: in("(*segment).afterEnd")},
	awaitAfterWord:  {what: "over: load the publish word", code: in("(*segment).afterEnd")},

	readWord:   {what: "load the publish word", code: in("(*Reader).readNewest", "(*Reader).lastOf", "(*Reader).await", "(*segment).recent")},
	lookBack:   {what: "look back: load a sequence", code: in("(*segment).recent")},
	readPin:    {what: "store the pin", code: in("(*Reader).pinFrame")},
	readBack:   {what: "load the back word", code: in("(*Reader).pinFrame")},
	readEarly:  {what: "load the sequence", kind: broken},
	readBegin:  {what: "load the sequence", code: in("(*Reader).copyFrame", "(*Reader).pinFrame")},
	readHeader: {what: "load the first half", code: in("(*Reader).header")},
	readBody:   {what: "load the payload", code: in("(*Reader).copyFrame", "(*Frame).Bytes")},
	readValid:  {what: "load fence, load the sequence again", code: in("(*Reader).copyFrame", "(*Frame).valid")},
	readClear:  {what: "clear the pin", code: in("(*Reader).pinFrame", "(*Reader).drop")},

	sleepEvent:   {what: "load the event", code: in("(*Reader).await", "(*Reader).join", "(*Writer).pause")},
	sleepLook:    {what: "load what is waited for", code: in("(*Reader).await", "(*Reader).join", "(*Writer).awaitCursors", "(*Writer).notArrived", "(*Reader).answered", "(*Writer).look")},
	sleepWait:    {what: "sleep if the event is still that", code: in("(*segment).sleep", "(*Writer).sleep")},
	wakeStore:    {what: "store it", code: in("(*Writer).publish", "(*Reader).letGo")},
	wakeAdd:      {what: "add to the event", code: in("(*segment).ring", "(*control).ring")},
	wakeAll:      {what: "wake all", code: in("(*segment).ring", "(*control).ring")},
	sleepTimeout: {what: "the sleep times out", code: in("(*segment).sleep", "(*Writer).sleep"), kind: timing},

	writerKilled:  {what: "SIGKILL", kind: killing},
	readerKilled:  {what: "SIGKILL", kind: killing},
	readerComes:   {what: "another reader comes", kind: outside},
	readerCloses:  {what: "close", code: in("(*Reader).Close", "(*Reader).shut"), kind: closing},
	readerEnds:    {what: "nothing more to read", kind: outside},
	writerEnds:    {what: "nothing more to write", kind: outside},
	writerGivesUp: {what: "end of the bounds", kind: outside},
	storeSeen:     {what: "a store becomes visible", kind: outside},
	observes:      {what: "looks at what is left", kind: outside},
}

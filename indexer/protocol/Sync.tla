-------------------------------- MODULE Sync --------------------------------
(***************************************************************************)
(* The way of one movie's changes from the database to the search indices: *)
(* what packages relay, indexer and rebuild promise each other, without    *)
(* anything else.  The model is checked by protocol_test.go, as it is and  *)
(* with each fault of package mutant built in, which must be noticed.      *)
(*                                                                         *)
(* A transaction that touches the movie leaves two records in the WAL, its *)
(* message and later its commit; the position of a record is its LSN.  The *)
(* content of the movie is the set of transactions that can be seen in it, *)
(* and it is gone as soon as one of Deletes is among them.                 *)
(*                                                                         *)
(* What the model takes for granted, because settings see to it: the       *)
(* engine remembers a delete for longer (index.gc_deletes) than Kafka      *)
(* accepts an event of a relay that was taken over from, than a request of *)
(* an indexer that was taken over from stays under way, and than a feed    *)
(* takes to commit an older event behind it.  A restart makes the engine   *)
(* forget sooner; then it is the indexer's process that remembers, so one  *)
(* fault more than MaxFaults, the end of that process, is one too many     *)
(* after an event repeated late.  Epochs are not in the model.             *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    Tx,         \* transactions, as numbers
    Deletes,    \* those of them that delete the movie
    MaxFaults,  \* crashes and repetitions in one behaviour
    Rebuilds,   \* whether a second index is built and put in place
    Mutant      \* the fault that is built in, or "none"

VARIABLES
    wal,        \* sequence of [t, commit]
    visible,    \* transactions that a new snapshot sees
    pos,        \* the relay has read commits up to this LSN
    unacked,    \* sequence of events that it has read and not yet published
    confirmed,  \* what the slot will not deliver again
    late,       \* events that a dead relay may still publish
    log,        \* the topic: sequence of events [v, lsn, c]
    next,       \* per index: how many messages its feed has taken
    committed,  \* per index: the offset that its group has stored
    underway,   \* per index: offsets being written
    deleted,    \* per index: the last delete that its feed has applied
    newest,     \* per index: the highest version under way or of such a delete
    ghosts,     \* per index: offsets that a dead indexer's requests still write
    doc,        \* per index: [v, here, c], a delete being a version without content
    phase,      \* of the rebuild
    chunk,      \* what the backfill has in its hands: [v, c]
    start,      \* where the new index's feed began
    reads,      \* the index that answers
    backwards,  \* readers have seen something older after something newer
    faults

vars == <<wal, visible, pos, unacked, confirmed, late, log, next, committed, underway, deleted, newest, ghosts, doc,
          phase, chunk, start, reads, backwards, faults>>
database == <<wal, visible>>
relay == <<pos, unacked, confirmed, late>>
feeds == <<next, committed, underway, deleted, newest, ghosts>>
operator == <<phase, chunk, start, reads, backwards>>

Indices == {"old", "new"}
Fed == IF phase = "none" THEN {"old"} ELSE Indices

Max(a, b) == IF a > b THEN a ELSE b
Least(S) == CHOOSE x \in S : \A y \in S : x <= y
Gone(c) == c \cap Deletes # {}

Begun == {wal[i].t : i \in 1..Len(wal)}
Commits == {i \in 1..Len(wal) : wal[i].commit}
Committed == {wal[i].t : i \in Commits}
MessageOf(t) == CHOOSE i \in 1..Len(wal) : wal[i].t = t /\ ~wal[i].commit
Unread == {i \in Commits : i > pos}

Init ==
    /\ wal = <<>> /\ visible = {}
    /\ pos = 0 /\ unacked = <<>> /\ confirmed = 0 /\ late = {}
    /\ log = <<>>
    /\ next = [x \in Indices |-> 0] /\ committed = [x \in Indices |-> 0]
    /\ underway = [x \in Indices |-> {}] /\ deleted = [x \in Indices |-> 0] /\ newest = [x \in Indices |-> 0] /\ ghosts = [x \in Indices |-> {}]
    /\ doc = [x \in Indices |-> [v |-> -1, here |-> x = "old", c |-> {}]]
    /\ phase = "none" /\ chunk = [v |-> 0, c |-> {}] /\ start = 0 /\ reads = "old" /\ backwards = FALSE
    /\ faults = 0

Fault == faults < MaxFaults /\ faults' = faults + 1

(* The database.  A commit can be decoded before snapshots show it. *)

Message(t) ==
    /\ t \notin Begun
    /\ wal' = Append(wal, [t |-> t, commit |-> FALSE])
    /\ UNCHANGED <<visible, relay, log, feeds, doc, operator, faults>>

Commit(t) ==
    /\ t \in Begun \ Committed
    /\ wal' = Append(wal, [t |-> t, commit |-> TRUE])
    /\ UNCHANGED <<visible, relay, log, feeds, doc, operator, faults>>

Appear(t) ==
    /\ t \in Committed \ visible
    /\ visible' = visible \cup {t}
    /\ UNCHANGED <<wal, relay, log, feeds, doc, operator, faults>>

(* The relay. *)

Read ==
    /\ Unread # {} /\ Len(unacked) < 2
    /\ LET i == Least(Unread) IN
       /\ wal[i].t \in visible \/ Mutant = "read before visible"
       /\ unacked' = Append(unacked, [lsn |-> i, c |-> visible,
                        v |-> IF Mutant = "ordered by message LSN" THEN MessageOf(wal[i].t) ELSE i])
       /\ pos' = i
       /\ confirmed' = IF Mutant = "LSN confirmed before the ack" THEN i ELSE confirmed
    /\ UNCHANGED <<database, late, log, feeds, doc, operator, faults>>

Publish ==
    /\ unacked # <<>>
    /\ log' = Append(log, Head(unacked))
    /\ unacked' = Tail(unacked)
    /\ confirmed' = Max(confirmed, Head(unacked).lsn)
    /\ UNCHANGED <<database, pos, late, feeds, doc, operator, faults>>

\* The acknowledgement is lost on its way: the event will be there once more.
PublishUnacknowledged ==
    /\ unacked # <<>> /\ Fault
    /\ log' = Append(log, Head(unacked))
    /\ UNCHANGED <<database, relay, feeds, doc, operator>>

\* Another relay takes over; of this one an event may still be on its way.
RelayDies ==
    /\ pos # confirmed \/ unacked # <<>>
    /\ Fault
    /\ pos' = confirmed /\ unacked' = <<>>
    /\ late' \in {late} \cup (IF unacked = <<>> THEN {} ELSE {late \cup {Head(unacked)}})
    /\ UNCHANGED <<database, confirmed, log, feeds, doc, operator>>

PublishLate ==
    /\ \E e \in late :
        /\ late' = late \ {e}
        /\ log' \in {log, Append(log, e)} \* refused for its age, or accepted
    /\ UNCHANGED <<database, pos, unacked, confirmed, feeds, doc, operator, faults>>

(* The engine. *)

Written(d, v, c) ==
    IF v > d.v \/ Mutant = "no external version"
    THEN [v |-> v, here |-> ~Gone(c), c |-> IF Gone(c) THEN {} ELSE c]
    ELSE d

Forgotten(x) ==
    /\ doc[x].v >= 0 /\ ~doc[x].here
    /\ doc' = [doc EXCEPT ![x] = [v |-> -1, here |-> FALSE, c |-> {}]]
    /\ UNCHANGED <<database, relay, log, next, committed, underway, deleted, newest, operator>>

\* In time the engine forgets a delete, and takes anything again.
Forget(x) ==
    /\ \/ Mutant = "tombstone forgotten early"
       \/ /\ late = {} /\ ghosts[x] = {}
          /\ \A d, o \in 1..Len(log) : d < o /\ log[d].v = doc[x].v /\ log[o].v < doc[x].v
                => o <= committed[x]
    /\ \/ x = "old" \/ phase \in {"caught up", "done"}
       \/ Mutant \in {"tombstones' expiry forgotten", "tombstone forgotten early"}
    /\ Forgotten(x) /\ UNCHANGED <<ghosts, faults>>

\* A restart makes it forget at once, and ends what was under way.
EngineRestarts(x) ==
    /\ Fault /\ Forgotten(x)
    /\ ghosts' = [ghosts EXCEPT ![x] = {}]

(* The feeds. *)

Take(x) ==
    /\ x \in Fed /\ next[x] < Len(log) /\ Cardinality(underway[x]) < 2
    /\ LET o == next[x] + 1 IN
       /\ next' = [next EXCEPT ![x] = o]
       /\ underway' = [underway EXCEPT ![x] = @ \cup {o}]
       /\ newest' = [newest EXCEPT ![x] = Max(@, log[o].v)]
       /\ committed' = IF Mutant = "commit before flush" THEN [committed EXCEPT ![x] = o] ELSE committed
    /\ UNCHANGED <<database, relay, log, deleted, ghosts, doc, operator, faults>>

Finish(x, o) ==
    /\ underway' = [underway EXCEPT ![x] = @ \ {o}]
    /\ deleted' = IF Gone(log[o].c) THEN [deleted EXCEPT ![x] = Max(@, log[o].v)] ELSE deleted
    /\ newest' = IF underway[x] = {o} THEN [newest EXCEPT ![x] = deleted'[x]] ELSE newest

\* Of what is under way any may be answered first, and be tried again any time.
Write(x) ==
    /\ \E o \in underway[x] :
        /\ doc' = IF log[o].v < newest[x] /\ Mutant # "older change sent behind a newer one" THEN doc
                  ELSE [doc EXCEPT ![x] = Written(@, log[o].v, log[o].c)]
        /\ Finish(x, o)
    /\ UNCHANGED <<database, relay, log, next, committed, ghosts, operator, faults>>

Drop(x) ==
    /\ Mutant = "dropped failed item" /\ Fault
    /\ \E o \in underway[x] : Finish(x, o)
    /\ UNCHANGED <<database, relay, log, next, committed, ghosts, doc, operator>>

StoreOffset(x) ==
    LET o == IF underway[x] = {} THEN next[x] ELSE Least(underway[x]) - 1 IN
    /\ o > committed[x]
    /\ committed' = [committed EXCEPT ![x] = o]
    /\ UNCHANGED <<database, relay, log, next, underway, deleted, newest, ghosts, doc, operator, faults>>

IndexerDies(x) ==
    /\ next[x] # committed[x] \/ underway[x] # {}
    /\ Fault
    /\ next' = [next EXCEPT ![x] = committed[x]]
    /\ ghosts' \in {[ghosts EXCEPT ![x] = @ \cup some] : some \in {{}, underway[x]}}
    /\ underway' = [underway EXCEPT ![x] = {}]
    /\ newest' = [newest EXCEPT ![x] = 0] /\ deleted' = [deleted EXCEPT ![x] = 0]
    /\ UNCHANGED <<database, relay, log, committed, doc, operator>>

WriteGhost(x) ==
    /\ \E o \in ghosts[x] :
        /\ doc' \in {doc, [doc EXCEPT ![x] = Written(@, log[o].v, log[o].c)]}
        /\ ghosts' = [ghosts EXCEPT ![x] = @ \ {o}]
    /\ UNCHANGED <<database, relay, log, next, committed, underway, deleted, newest, operator, faults>>

(* The rebuild: feed the new index, fill it, delete again, catch up, swap. *)

Begin ==
    /\ Rebuilds /\ phase = "none"
    /\ phase' = "stamp" /\ start' = Len(log)
    /\ next' = [next EXCEPT !["new"] = Len(log)] /\ committed' = [committed EXCEPT !["new"] = Len(log)]
    /\ UNCHANGED <<database, relay, log, underway, deleted, newest, ghosts, doc, chunk, reads, backwards, faults>>

Stamp ==
    /\ phase = "stamp"
    /\ phase' = "read" /\ chunk' = [v |-> confirmed, c |-> {}]
    /\ UNCHANGED <<database, relay, log, feeds, doc, start, reads, backwards, faults>>

ReadChunk ==
    /\ phase = "read"
    /\ phase' = "write" /\ chunk' = [chunk EXCEPT !.c = visible]
    /\ UNCHANGED <<database, relay, log, feeds, doc, start, reads, backwards, faults>>

WriteChunk ==
    /\ phase = "write"
    /\ phase' = IF Mutant = "tombstones' expiry forgotten" THEN "caught up" ELSE "deletes"
    /\ LET v == IF Mutant = "stale chunk stamped with the current LSN" THEN Len(wal) ELSE chunk.v IN
       doc' = IF Gone(chunk.c) THEN doc ELSE [doc EXCEPT !["new"] = Written(@, v, chunk.c)]
    /\ UNCHANGED <<database, relay, log, feeds, chunk, start, reads, backwards, faults>>

DeleteAgain ==
    /\ phase = "deletes"
    /\ phase' = "caught up"
    /\ LET seen == {log[o].v : o \in {o \in (start + 1)..Len(log) : Gone(log[o].c)}} IN
       doc' = IF seen = {} THEN doc
              ELSE [doc EXCEPT !["new"] = Written(@, CHOOSE v \in seen : \A w \in seen : v >= w, Deletes)]
    /\ UNCHANGED <<database, relay, log, feeds, chunk, start, reads, backwards, faults>>

\* The old index holds while the new one applies what there is.
Swap ==
    /\ phase = "caught up"
    /\ \/ Mutant = "swapped before catch-up"
       \/ next["new"] = Len(log) /\ underway["new"] = {}
    /\ phase' = "done" /\ reads' = "new"
    /\ backwards' = LET was == doc["old"] is == doc["new"] IN
         CASE was.here /\ is.here -> ~(was.c \subseteq is.c)
           [] was.here -> ~Gone(visible)
           [] OTHER -> is.here
    /\ UNCHANGED <<database, relay, log, feeds, doc, chunk, start, faults>>

Next ==
    \/ \E t \in Tx : Message(t) \/ Commit(t) \/ Appear(t)
    \/ Read \/ Publish \/ PublishUnacknowledged \/ RelayDies \/ PublishLate
    \/ \E x \in Indices : Take(x) \/ Write(x) \/ Drop(x) \/ StoreOffset(x) \/ IndexerDies(x) \/ WriteGhost(x) \/ Forget(x) \/ EngineRestarts(x)
    \/ Begin \/ Stamp \/ ReadChunk \/ WriteChunk \/ DeleteAgain \/ Swap

Spec == Init /\ [][Next]_vars

(* What is promised. *)

\* An event contains every change committed at or before its version.
Truthful == \A o \in 1..Len(log) : \A i \in Commits : i <= log[o].v => wal[i].t \in log[o].c

\* Whatever is confirmed can be read from the topic.
NothingLost == \A i \in Commits : i <= confirmed => \E o \in 1..Len(log) : wal[i].t \in log[o].c

\* When all is quiet, every index that is fed is what the database is: no update
\* is lost and no delete undone.
Quiet ==
    /\ Committed = visible /\ Unread = {} /\ unacked = <<>> /\ late = {}
    /\ phase \in {"none", "done"}
    /\ \A x \in Fed : next[x] = Len(log) /\ underway[x] = {} /\ ghosts[x] = {}
Converged == Quiet => \A x \in Fed : doc[x].here = ~Gone(visible) /\ (doc[x].here => doc[x].c = visible)

\* No reader goes backwards over the swap.
NeverBackwards == ~backwards
=============================================================================

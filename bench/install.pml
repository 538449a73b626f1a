/*
 * The install workload of scenarios/races/install.ts, for Spin: N openers and one fault.
 *
 * A step of a famsim task (its operation and the plain code up to the next one) is one transition here: a condition is a
 * load and the branch on it, a d_step is an operation that does more than one thing. That a task starts is a step there and
 * a skip here. A lock that is not free is two steps in both: joining the queue, and going on when it was handed over; who
 * gets the semaphore when is as in src/sim/rwsem.ts. Tasks stay where they end: processes
 * that die one by one would be states of their own. `valid`, once loaded, is in the place where the process stands.
 *
 * TWO_WINNERS and EARLY_VALID seed the bugs of the same names, so that it shows that the assertions can fail.
 */
#ifndef N
#define N 2
#endif

byte meta, winners, valid, devno, devp;

/* struct rw_semaphore: process and whether it wants to write; who was handed the lock */
byte readers;
bool writer;
chan queue = [N + 1] of { byte, byte };
bool granted[N + 1];
hidden byte head;
hidden byte head_writes;
hidden byte queued;

inline go_on() {
	d_step { granted[_pid] -> granted[_pid] = false }
}
inline down_read() {
	if
	:: d_step { !writer && len(queue) == 0 -> readers++ }
	:: d_step { writer || len(queue) > 0 -> queue!_pid, false };
	   go_on()
	fi
}
inline down_write() {
	if
	:: d_step { !writer && readers == 0 -> writer = true }
	:: d_step { writer || readers > 0 -> queue!_pid, true };
	   go_on()
	fi
}
/*
 * Who is first in the queue gets in if it can: one writer, or all readers of the queue; the writers between those keep
 * their order, as each goes to the end once.
 */
inline hand_over() {
	if
	:: len(queue) > 0 && !writer ->
		queue?<head, head_writes>;
		if
		:: head_writes && readers > 0
		:: head_writes && readers == 0 ->
			queue?head, head_writes;
			writer = true;
			granted[head] = true
		:: else ->
			queued = len(queue);
			do
			:: queued > 0 ->
				queued--;
				queue?head, head_writes;
				if
				:: head_writes -> queue!head, head_writes
				:: else -> readers++; granted[head] = true
				fi
			:: else -> break
			od
		fi
	:: else
	fi;
	head = 0                        /* a d_step cannot end in a loop */
}
inline up_read() {
	d_step {
		readers--;
		if
		:: readers == 0 -> hand_over()
		:: else
		fi
	}
}
inline up_write() {
	d_step { writer = false; hand_over() }
}

inline won() {
	meta = _pid + 1;
	winners++;
	assert(winners == 1)
}

active [N] proctype opener() {
	skip;                           /* the task starts */
	if
	:: meta != 0
	:: meta == 0;
	   skip;                        /* allocate */
#ifdef TWO_WINNERS
	   d_step { won() }
#else
	   if                           /* cmpxchg */
	   :: d_step { meta == 0 -> won() }
	   :: meta != 0;
	      skip                      /* the loser frees */
	   fi
#endif
	fi;
	down_read();
	if
	:: valid == 1; up_read()
	:: valid == 0; up_read();
	   down_write();
	   if
	   :: valid == 1
	   :: valid == 0;
#ifdef EARLY_VALID
	      valid = 1; devno = 7; devp = 9
#else
	      devno = 7; devp = 9; valid = 1
#endif
	   fi;
	   up_write()
	fi;
end:	false
}

active proctype fault() {
	byte no;
	skip;                           /* the task starts */
#ifndef EARLY_VALID
	down_read();
#endif
	if
	:: valid == 0
	:: valid == 1;
	   no = devno;
	   d_step { assert(no == 7 && devp == 9); no = 0 }
	fi;
#ifndef EARLY_VALID
	up_read();
#endif
end:	false
}

/* What must be true when all tasks have ended. */
active proctype ended() {
	timeout -> assert(winners == 1 && valid == 1 && devno == 7 && devp == 9);
end:	false
}

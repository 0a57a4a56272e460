"""
Supervision: the master's side of the child flow::

    supervisor    owns all slots; what C{spawn} promised
    reloads       one reload at a time; reloading is that one
    slot          one place, and when the next child lives there
    slotowner     what it asks of the supervisor
    replacement   the promise to put another child there
    crashlog      what the log says of a crash
    backoff       when that is
    incarnation   one life, with its timers and its end
    tenancy       what it tells its slot
    lifecycle     the life as one table
    process       its process: started, heard, ended
    launching     its sockets, its environment, its start
    program       what it runs
    environment   what it inherits
    notify        it says that it is ready, and alive
    control       orders to it, and what it answers
    words         what it writes, in the log and for a crash
    output        bytes to lines
    tracebacks    one traceback, however many children raise it

    child         who it is
    crash         what is told of an end that nobody asked for
    events        all that can happen to it
    observers     whoever is told of that
    counting      how often it has happened
    whencrashed   Deferreds that tell of crashes
    oncrash       a command that is told of crashes

    surroundings  what all incarnations share
    budgets       how long each step may take
    folders       for sockets, and for what survives

    _iobserver    ILifecycleObserver
    _itraffic     what is asked of whoever distributes requests

It never touches requests: that a child is busy it learns from the traffic.
"""

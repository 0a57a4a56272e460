"""
What Redis runs for us: Lua scripts, what goes into them and what comes out.

A session is one hash.  Its fields: C{m} meta, C{o} the last operations (16 bytes each, the
newest last), C{p} the principal (absent for nobody), C{i} until when the principal's index
has it (epoch milliseconds), and C{d} + name for each value.  The server's expiry of the
key is the session's.

Rules: each script is one atomic operation; every key that it touches is in C{KEYS}; it
answers one string that begins with a letter, since a driver that may take strings for
numbers must find none, and reads a list far slower.  C{unpack} has a limit of some
thousand items: lists go in pieces.

A principal's index is a sorted set of keys by their expiry.  It is elsewhere, so it is
written after the commit: whoever reads it asks the sessions themselves, and takes an
entry out in the same script that has found it wrong, so that no later one is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1

from twisted_multiserver.sessions.record import OPERATION_SIZE, OPERATIONS_KEPT

# The first letter of an answer.
# Done; what follows is the principal, whose index lacks the session or will too early.
DONE_INDEX = b"i"
GONE = b"g"
CONFLICT = b"c"
CORRUPT = b"x"
# Too late; what follows is the server's time (ms).
LATE = b"l"
YES = b"y"

Argument = bytes | int


@dataclass(frozen=True, slots=True)
class Script:
    """
    A script.

    @ivar source: in Lua.
    @ivar digest: that the server knows it by.
    """

    source: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha1(self.source.encode()).hexdigest())


_INDEXED = """
local function indexed(principal, until_, ttl)
  if not principal then return 'k' end
  if until_ then
    local now = redis.call('TIME')
    if tonumber(until_) >= now[1] * 1000 + math.floor(now[2] / 1000) + ttl then return 'k' end
  end
  return 'i' .. principal
end
"""

# ARGV: operation, ttl (ms), flags (c create, x clear, m meta, p principal), meta,
# principal, how many expected, how many unset, when it is too late (ms, 0 for never), then
# expected (field, 1 or 0, value), unset (field), set (field, value).
_CHANGE = f"""
local function late()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if ARGV[8] ~= '0' and now >= tonumber(ARGV[8]) then return 'l' .. string.format('%.0f', now) end
end
local function has(flag) return string.find(ARGV[3], flag, 1, true) end
local function repeated(known)
  for at = 1, #known, {OPERATION_SIZE} do
    if string.sub(known, at, at + {OPERATION_SIZE - 1}) == ARGV[1] then return true end
  end
end
local function asExpected(key)
  for at = 9, 6 + ARGV[6] * 3, 3 do
    local value = redis.call('HGET', key, ARGV[at])
    if ARGV[at + 1] == '0' then
      if value then return false end
    elseif value ~= ARGV[at + 2] then
      return false
    end
  end
  return true
end
local function inPieces(command, key, first, last)
  for at = first, last, 2000 do
    redis.call(command, key, unpack(ARGV, at, math.min(at + 1999, last)))
  end
end
local function change(key, meta, known, principal, until_)
  local unset = 9 + ARGV[6] * 3
  local set = unset + ARGV[7]
  if has('p') then
    local given = ARGV[5] ~= '' and ARGV[5]
    if given ~= principal then
      redis.call('HDEL', key, 'p', 'i')
      principal, until_ = given, false
    end
  end
  if has('x') then redis.call('DEL', key) end
  inPieces('HDEL', key, unset, set - 1)
  inPieces('HSET', key, set, #ARGV)
  if has('m') then meta = ARGV[4] end
  redis.call('HSET', key, 'm', meta, 'o',
    string.sub(known .. ARGV[1], -{OPERATION_SIZE * OPERATIONS_KEPT}))
  if principal then redis.call('HSET', key, 'p', principal) end
  if until_ then redis.call('HSET', key, 'i', until_) end
  redis.call('PEXPIRE', key, ARGV[2])
  return indexed(principal, until_, ARGV[2])
end
"""

# KEYS: the session.  Answers nothing if there is none, else s, how long it has left (ms)
# and the lengths of all fields and values, parted by commas; a semicolon; all of these.
LOAD = Script("""
local all = redis.call('HGETALL', KEYS[1])
if #all == 0 then return false end
local lengths = {}
for at = 1, #all do lengths[at] = #all[at] end
return 's' .. redis.call('PTTL', KEYS[1]) .. ',' .. table.concat(lengths, ',') .. ';'
  .. table.concat(all)
""")

# KEYS: the session.
COMMIT = Script(
    _INDEXED
    + _CHANGE
    + """
local key = KEYS[1]
local was = redis.call('HMGET', key, 'm', 'o', 'p', 'i')
local known = was[2] or ''
if repeated(known) then return indexed(was[3], was[4], ARGV[2]) end
if was[1] then
  if has('c') then return 'c' end
elseif redis.call('EXISTS', key) == 1 then
  return 'x'
elseif not has('c') then
  return 'g'
end
if not asExpected(key) then return 'c' end
return late() or change(key, was[1], known, was[3], was[4])
"""
)

# KEYS: the old one, the new one.
ROTATE = Script(
    _INDEXED
    + _CHANGE
    + """
local old, new = KEYS[1], KEYS[2]
local there = redis.call('HMGET', new, 'm', 'o', 'p', 'i')
if repeated(there[2] or '') then return indexed(there[3], there[4], ARGV[2]) end
local was = redis.call('HMGET', old, 'm', 'o', 'p')
if not was[1] then return redis.call('EXISTS', old) == 1 and 'x' or 'g' end
if redis.call('EXISTS', new) == 1 or not asExpected(old) then return 'c' end
local tooLate = late()
if tooLate then return tooLate end
redis.call('RENAME', old, new)
redis.call('HDEL', new, 'i')
return change(new, was[1], was[2] or '', was[3], false)
"""
)

# KEYS: a session, of whose server the time is asked.  Answers y and that (ms).
CLOCK = Script("""
local time = redis.call('TIME')
return 'y' .. string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
""")

# KEYS: the session.  ARGV: ttl (ms).
TOUCH = Script(
    _INDEXED
    + """
local was = redis.call('HMGET', KEYS[1], 'm', 'p', 'i')
if not was[1] then return redis.call('EXISTS', KEYS[1]) == 1 and 'x' or 'g' end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return indexed(was[2], was[3], ARGV[1])
"""
)

# KEYS: the session.
DELETE = Script("""
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 'g' end
local principal = kind == 'hash' and redis.call('HGET', KEYS[1], 'p')
redis.call('DEL', KEYS[1])
return principal and 'i' .. principal or 'k'
""")

# KEYS: the index.  ARGV: the session's key, its ttl (ms), another key to take out or nothing.
# The entry lives a tenth longer than the session, so that it isn't written at each request.
# Answers y and until when it has it.
INDEX = Script("""
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local until_ = now + math.floor(ARGV[2] * 1.1) + 60000
redis.call('ZADD', KEYS[1], until_, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[3] ~= '' then redis.call('ZREM', KEYS[1], ARGV[3]) end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last[2]))
return 'y' .. string.format('%.0f', until_)
""")

# KEYS: the session.  ARGV: whose index has it, until when.
MARK = Script("""
if redis.call('HGET', KEYS[1], 'p') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'i', ARGV[2])
end
return 'k'
""")

# KEYS: the index.  ARGV: a session's key.
UNINDEX = Script("""
redis.call('ZREM', KEYS[1], ARGV[1])
return 'k'
""")

# KEYS: the index.  Answers y and the keys of sessions, 32 bytes each.
LISTED = Script("""
return 'y' .. table.concat(redis.call('ZRANGE', KEYS[1], 0, -1))
""")

# KEYS: the index, then sessions.  ARGV: the principal, whether to delete (1 or 0), the keys
# of the sessions as the index has them.  Answers y or n for each: whether it was theirs.
CHECK = Script("""
local answer = {}
for at = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[at]).ok
  local theirs = kind == 'hash' and redis.call('HGET', KEYS[at], 'p') == ARGV[1]
  if theirs and ARGV[2] == '1' then redis.call('DEL', KEYS[at]) end
  if not theirs or ARGV[2] == '1' then redis.call('ZREM', KEYS[1], ARGV[at + 1]) end
  answer[at - 1] = theirs and 'y' or 'n'
end
return table.concat(answer)
""")

# KEYS: two of different sessions.  A Redis Cluster refuses them, which rotation needs.
SPREAD = Script("return 'k'")

SCRIPTS = (LOAD, COMMIT, ROTATE, CLOCK, TOUCH, DELETE, INDEX, MARK, UNINDEX, LISTED, CHECK)

-- One decision: may this call leave now?
--
-- KEYS[1]  who waits for calls of this class, by ticket
-- KEYS[2…] logs of calls that left, by the microsecond
-- ARGV     a fresh name for the call, the waiter's name or '', the waiter's ticket or 0, then for
--          each rule: which log, its stretch in microseconds (0: the Indian day), how many calls
--          it takes, how many while the memory of before a restart is missing
-- Returns  granted, microseconds to wait, place in the queue, ticket

local REMEMBER = 60000000       -- logs reach back a minute
local YOUNG = 2                 -- seconds of Redis's life in which calls from before may be unknown
local ABSENT = 1500000          -- a waiter that did not ask for so long has gone
local DAY = 86400
local IST = 19800

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local name, waiter, ticket = ARGV[1], ARGV[2], tonumber(ARGV[3])

local waiting, seen = KEYS[1], KEYS[1] .. ':seen'
local today = math.floor((time[1] + IST) / DAY)

-- A server whose INFO is closed to us cannot tell its age.
local info = redis.pcall('INFO', 'server')
local up = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
local is_young = up and tonumber(up) < YOUNG

for index = 2, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', now - REMEMBER)
  -- After a step back of the clock: what is to leave in the far future never left.
  redis.call('ZREMRANGEBYSCORE', KEYS[index], now + REMEMBER, '+inf')
end

local function day_of(log)
  return log .. ':day:' .. today
end

-- How long until this rule lets one more pass; 0 is now.
local function wait_for(log, stretch, most)
  if most <= 0 then return 1000000 end
  if stretch == 0 then
    if tonumber(redis.call('GET', day_of(log)) or '0') < most then return 0 end
    return ((today + 1) * DAY - IST - time[1]) * 1000000
  end
  local since = '(' .. string.format('%.0f', now - stretch)
  local left = redis.call('ZCOUNT', log, since, '+inf')
  if left < most then return 0 end
  local oldest = redis.call('ZRANGEBYSCORE', log, since, '+inf', 'WITHSCORES', 'LIMIT', left - most, 1)
  return math.max(1000, tonumber(oldest[2]) + stretch - now)
end

local wait = 0
for at = 4, #ARGV, 4 do
  local most = tonumber(is_young and ARGV[at + 3] or ARGV[at + 2])
  wait = math.max(wait, wait_for(KEYS[1 + tonumber(ARGV[at])], tonumber(ARGV[at + 1]), most))
end

-- Who stands before us.
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now - ABSENT)) do
  redis.call('ZREM', waiting, gone)
  redis.call('ZREM', seen, gone)
end
local before
if waiter ~= '' and ticket > 0 then
  before = redis.call('ZCOUNT', waiting, '-inf', '(' .. ticket)
else
  before = redis.call('ZCARD', waiting)
end

if wait == 0 and before == 0 then
  local counted = {}
  for at = 4, #ARGV, 4 do
    local log = KEYS[1 + tonumber(ARGV[at])]
    redis.call('ZADD', log, now, name)
    redis.call('PEXPIRE', log, 2 * REMEMBER / 1000)
    if tonumber(ARGV[at + 1]) == 0 and not counted[log] then
      counted[log] = true
      redis.call('INCR', day_of(log))
      redis.call('EXPIRE', day_of(log), 2 * DAY)
    end
  end
  if waiter ~= '' then
    redis.call('ZREM', waiting, waiter)
    redis.call('ZREM', seen, waiter)
  end
  return {1, 0, 0, ticket}
end

if waiter ~= '' then
  if ticket == 0 then
    ticket = redis.call('INCR', waiting .. ':tickets')
    redis.call('EXPIRE', waiting .. ':tickets', DAY)
  end
  redis.call('ZADD', waiting, ticket, waiter)
  redis.call('ZADD', seen, now, waiter)
  redis.call('EXPIRE', waiting, 60)
  redis.call('EXPIRE', seen, 60)
end
return {0, math.max(wait, 10000 * before), before + 1, ticket}

-- Moves the time of a record's last use on, and the end of its key with it: to so many milliseconds
-- from now, '' means without end. Returns whether there is a record.
local key = KEYS[1]
local last_seen, life = ARGV[1], ARGV[2]
local there = redis.call('HMGET', key, 'm')[1]
if not there then
  return 0
end
local version, seen, entry = string.match(there, '^(%d+) (%d+) (%x*)$')
-- The times are compared as text: Lua's numbers are not exact beyond 2^53.
if #seen > #last_seen or (#seen == #last_seen and seen >= last_seen) then
  return 1
end
redis.call('HSET', key, 'm', version .. ' ' .. last_seen .. ' ' .. entry)
local left = redis.call('PTTL', key)
if life == '' then
  redis.call('PERSIST', key)
elseif left >= 0 and tonumber(life) - left > 30000 then
  redis.call('PEXPIRE', key, life)
end
return 1

-- Adds an entry to an index, and lets the index live for at least so many milliseconds; '' means
-- without end. Returns the number of entries; if there are many, also some of them, for the caller
-- to prune: entries of sessions that the server has removed would gather otherwise.
local index, entry, life = KEYS[1], ARGV[1], ARGV[2]
redis.call('ZADD', index, 0, entry)
local count = redis.call('ZCARD', index)
if count == 1 then
  if life ~= '' then
    redis.call('PEXPIRE', index, life)
  end
  return {count}
end
local left = redis.call('PTTL', index)
if life == '' then
  if left >= 0 then
    redis.call('PERSIST', index)
  end
elseif left ~= -1 and left < tonumber(life) then
  redis.call('PEXPIRE', index, life)
end
return {count, unpack(count > 32 and redis.call('ZRANDMEMBER', index, 8) or {})}

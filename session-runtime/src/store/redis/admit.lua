-- Enters a log-in into a principal's index, if there is room for it beyond doubt; otherwise it
-- answers what there is. An entry is a session and the log-ins that gave it to the principal.
local index, selector, token, most_others, life = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local is_new = redis.call('HSETNX', index, selector, token) == 1
local there = not is_new and redis.call('HGET', index, selector)
local entered = there and string.find(there, token, 1, true)
local size = redis.call('HLEN', index)
if not entered and most_others ~= '' and size - 1 > tonumber(most_others) then
  if is_new then
    redis.call('HDEL', index, selector)
  end
  return {'full', redis.call('HGETALL', index)}
end
if there and not entered then
  redis.call('HSET', index, selector, there .. ' ' .. token)
end
extend(index, life, size == 1 and is_new)
if size > 32 then
  -- Some, to be looked at: those that are over would gather otherwise.
  return {'ok', redis.call('HRANDFIELD', index, 8, 'WITHVALUES')}
end
return 'ok'

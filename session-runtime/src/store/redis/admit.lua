-- Enters a log-in into a principal's index, if there is room for it beyond doubt; otherwise it
-- answers what there is. An entry is a session and the log-ins that gave it to the principal.
local index, selector, token, most_others, life = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local there = redis.call('HGET', index, selector)
local size = redis.call('HLEN', index)
local entered = there and string.find(there, token, 1, true)
local others = there and size - 1 or size
if not entered and most_others ~= '' and others > tonumber(most_others) then
  return {'full', redis.call('HGETALL', index)}
end
if not entered then
  redis.call('HSET', index, selector, there and (there .. ' ' .. token) or token)
end
extend(index, life, size == 0)
if size > 32 then
  -- Some, to be looked at: those that are over would gather otherwise.
  return {'ok', redis.call('HRANDFIELD', index, 8, 'WITHVALUES')}
end
return 'ok'

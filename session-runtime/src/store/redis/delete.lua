-- Removes a session; with a principal, only if the session is that principal's. It answers whose
-- it was and by which log-in.
local key, whose = KEYS[1], ARGV[1]
local found = redis.call('HMGET', key, 'c', 'u', 'x')
if not found[1] or (whose and found[2] ~= whose) then
  return {0}
end
redis.call('DEL', key)
return {1, found[2] or '', found[3] or ''}

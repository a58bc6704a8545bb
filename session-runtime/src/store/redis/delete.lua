-- Removes a session; given a principal, only if the session is that principal's. Returns the
-- principal and the log-in that assigned the session.
local key, whose = KEYS[1], ARGV[1]
local packed = redis.call('HGET', key, 'r')
if not packed then
  return {0}
end
local principal, token = owner(packed)
if whose and principal ~= whose then
  return {0}
end
redis.call('DEL', key)
return {1, principal or '', token or ''}

-- Removes a session; with a principal, only if the session is that principal's. It answers whose
-- it was and by which log-in.
local key, whose = KEYS[1], ARGV[1]
local packed = redis.call('HGET', key, 'r')
local session = packed and unpacked(packed)
if not packed or (whose and not (session and session[PRINCIPAL] == whose)) then
  return {0}
end
redis.call('DEL', key)
return {1, session and session[PRINCIPAL] or '', session and session[TOKEN] or ''}

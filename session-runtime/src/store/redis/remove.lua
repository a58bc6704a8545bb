-- Removes a record; given a version, only if the record has that. Returns the record's entry in the
-- index ('' if it has none), or nothing if no record was removed.
local key, version = KEYS[1], ARGV[1]
local head = redis.call('GETRANGE', key, 0, 111)
if head == '' or (version ~= '' and string.sub(head, 1, 16) ~= version) then
  return false
end
redis.call('DEL', key)
return string.match(head, '^%x*', 33) or ''

-- Removes a record; given a version, only if the record has that. Returns the record's entry in the
-- index ('' if it has none), or nothing if no record was removed.
local key, version = KEYS[1], ARGV[1]
local there = redis.call('HMGET', key, 'm')[1]
if not there then
  return false
end
local old_version, entry = string.match(there, '^(%d+) %d+ (%x*)$')
if version ~= '' and old_version ~= version then
  return false
end
redis.call('DEL', key)
return entry or ''

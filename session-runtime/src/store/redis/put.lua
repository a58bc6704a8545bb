-- Puts a record in the place of the one that has a version; without a version, where there is none.
-- Says 'late' if the record's entry in the index is so old that others may prune it, and 'unentered'
-- if no entry was made although the record needs one.
local key = KEYS[1]
local version, life, log_in, ends, attempt, new_version, last_seen, record = unpack(ARGV)
if attempt ~= '' then
  local now = tonumber(redis.call('TIME')[1])
  if now - tonumber(string.sub(attempt, 1, 8), 16) > 30 then
    return {'late', now}
  end
end
local head = redis.call('GETRANGE', key, 0, 111)
if string.sub(head, 1, 16) ~= version then
  return 'not'
end

local old_entry = string.match(head, '^%x*', 33) or ''
local entry = log_in .. ends .. attempt
if log_in ~= '' and attempt == '' then
  local from = #log_in + 1
  local old_ends = string.sub(old_entry, from, from + #ends - 1)
  if string.sub(old_entry, 1, #log_in) ~= log_in or old_ends < ends then
    return 'unentered'
  end
  entry = old_entry
end

-- The later time stays, and the key lives for longer by the difference.
local seen = string.sub(head, 17, 32)
if seen > last_seen then
  life = life ~= '' and life + (tonumber(seen, 16) - tonumber(last_seen, 16)) or life
  last_seen = seen
end
local value = new_version .. last_seen .. entry .. '\n' .. record
if life == '' then
  redis.call('SET', key, value)
else
  redis.call('SET', key, value, 'PX', life)
end
return entry ~= old_entry and old_entry ~= '' and {'ok', old_entry} or 'ok'

-- Extends the life of a principal's index, before one of its sessions gets a longer life.
local index, selector, token, life = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local is_new = redis.call('EXISTS', index) == 0
redis.call('HSETNX', index, selector, token)
extend(index, life, is_new)
return 'ok'

-- Tells the other processes something that is no matter of a partition.
-- KEYS  the store, by which the server is found
-- ARGV  channel; message
return redis.call('PUBLISH', ARGV[1], ARGV[2])

package io.headpond.redis;

import io.headpond.redis.servers.ServerBinary;

/** The oldest Redis that is supported. */
class RedisStoreContractTest extends StoreContract {
  RedisStoreContractTest() {
    super(Target.one(ServerBinary.REDIS_6_2));
  }
}

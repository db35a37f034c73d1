package io.headpond.redis;

import io.headpond.redis.servers.ServerBinary;

/** The Redis of this machine. */
class NewerRedisStoreContractTest extends StoreContract {
  NewerRedisStoreContractTest() {
    super(Target.one(ServerBinary.REDIS));
  }
}

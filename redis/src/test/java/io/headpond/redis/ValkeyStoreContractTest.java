package io.headpond.redis;

import io.headpond.redis.servers.ServerBinary;

/** The Valkey of this machine. */
class ValkeyStoreContractTest extends StoreContract {
  ValkeyStoreContractTest() {
    super(Target.one(ServerBinary.VALKEY));
  }
}

package io.headpond.redis;

import io.headpond.redis.servers.ServerBinary;

/** A cluster of six: every key that a script touches is named, and has the slot of its partition. */
class ClusterStoreContractTest extends StoreContract {
  ClusterStoreContractTest() {
    super(Target.cluster(ServerBinary.REDIS_6_2));
  }
}

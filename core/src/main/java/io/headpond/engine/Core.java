package io.headpond.engine;

import io.headpond.CacheSettings;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.SystemOfRecord;

/** What every part of one cache's engine works with. */
record Core(
    CacheSettings settings,
    HotStore store,
    SystemOfRecord systemOfRecord,
    Environment environment,
    Statistics statistics,
    Settlements settlements,
    Listeners listeners) {}

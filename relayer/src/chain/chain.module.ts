import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { ChainConsumers } from './chain-consumer.js';
import { ChainGate } from './chain-gate.js';
import { ChainTime } from './chain-time.js';
import { Chains } from './chains.js';
import { CLOCK, systemClock } from './clock.js';
import { FAULT_POINT, faultPoint } from './fault-point.js';
import { Followers } from './followers.js';
import { Loops } from './loops.js';
import { RANDOMNESS, systemRandomness } from './randomness.js';

/** Chains, their clients, the consumers' registry, the loops, and the injected clock, randomness and fault points. */
@Module({
  imports: [DatabaseModule],
  providers: [
    Chains,
    ChainGate,
    Followers,
    ChainConsumers,
    Loops,
    ChainTime,
    { provide: CLOCK, useValue: systemClock },
    { provide: RANDOMNESS, useValue: systemRandomness },
    { provide: FAULT_POINT, useValue: faultPoint },
  ],
  exports: [Chains, ChainGate, Followers, ChainConsumers, Loops, ChainTime, CLOCK, RANDOMNESS, FAULT_POINT],
})
export class ChainModule {}

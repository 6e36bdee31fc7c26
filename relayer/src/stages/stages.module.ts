import { Module } from '@nestjs/common';

/** The stages of the flow; each registers its chain consumer and its loops while it is initialised. */
@Module({})
export class StagesModule {}

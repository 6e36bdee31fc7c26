import { Module } from '@nestjs/common';

/** The public REST interface. */
@Module({})
export class ApiModule {}

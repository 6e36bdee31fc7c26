import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { cleanupOpenApiDoc } from 'nestjs-zod';

/** Serves the description of the API at /openapi.json. */
export function serveOpenApi(app: INestApplication): void {
  const config = new DocumentBuilder()
    .setTitle('Lockstep relayer')
    .setDescription(
      'Deposits, accounts and the state of the paths. Integers that may exceed 2^53 are decimal strings; units are in the names.',
    )
    .setVersion('1')
    .build();
  SwaggerModule.setup('openapi', app, () => cleanupOpenApiDoc(SwaggerModule.createDocument(app, config)), {
    ui: false,
    raw: ['json'],
    jsonDocumentUrl: 'openapi.json',
  });
}

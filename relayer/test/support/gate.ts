import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A provider that passes requests on to another while it is open, and answers with an error while it is not. */
export interface Gate {
  readonly url: string;
  open(): void;
  close(): void;
  stop(): Promise<void>;
}

export async function startGate(target: string): Promise<Gate> {
  let isOpen = true;
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      // CAST: a request without an encoding gives bytes.
      const chunks = (await request.toArray()) as Buffer[];
      const answer = isOpen
        ? await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body: Buffer.concat(chunks) })
        : null;
      response.writeHead(answer?.status ?? 503, { 'content-type': 'application/json' });
      response.end(answer === null ? '' : Buffer.from(await answer.arrayBuffer()));
    };
    pass().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // CAST: it listens on a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    open: () => void (isOpen = true),
    close: () => void (isOpen = false),
    stop: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

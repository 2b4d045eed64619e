// The demo's page: what the API says, as a table that renews itself.
import { createServer, type Server } from 'node:http';
import type { CertificateRotation } from '../../kube/types.ts';

export interface Page {
  readonly url: string;
  readonly close: () => void;
}

export interface PageContent {
  readonly rotations: () => readonly CertificateRotation[];
  readonly lines: () => readonly string[];
}

const host = '127.0.0.1';
const mostTries = 50;

/** On the first free port from `port` on. */
export async function servePage(content: PageContent, port = 8080): Promise<Page> {
  for (let each = port; each < port + mostTries; each++) {
    const server = await listenOn(content, each);
    if (server === undefined) continue;
    return {
      url: `http://${host}:${each}`,
      close: () => {
        server.close();
        server.closeAllConnections();
      },
    };
  }
  throw new Error(`no port from ${port} to ${port + mostTries} is free on ${host}`);
}

async function listenOn(content: PageContent, port: number): Promise<Server | undefined> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(pageOf(content));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}

function pageOf({ rotations, lines }: PageContent): string {
  const rows = rotations().map(({ spec, status }) => {
    const cells = [spec.nodeName, spec.certificates.join(', '), status?.phase ?? '', status?.message ?? ''];
    return `<tr>${cells.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`;
  });
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">',
    '<title>cluster-cert-rotator: demo</title>',
    '<style>body{font:14px system-ui;margin:2rem}td{padding:.2rem .8rem;vertical-align:top}</style>',
    '<h1>cluster-cert-rotator</h1><table><tr><th>Node<th>Certificates<th>Phase<th>Message</tr>',
    ...rows,
    `</table><pre>${escape(lines().slice(-30).join('\n'))}</pre></html>`,
  ].join('\n');
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

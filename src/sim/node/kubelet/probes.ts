// Readiness probes by HTTP: whoever is not ready is said to be so.
import { Agent as PlainAgent, request as plain } from 'node:http';
import { Agent as SecureAgent, request as secure } from 'node:https';
import type { Container } from 'kubernetes-types/core/v1.js';

/** A handshake for every look would be most of the work of a node. */
const agents = {
  HTTP: new PlainAgent({ keepAlive: true }),
  HTTPS: new SecureAgent({ keepAlive: true, rejectUnauthorized: false }),
} as const;

/** Undefined: the container has no such probe, and counts as ready. */
export async function isReady(container: Container, podIP: string): Promise<boolean | undefined> {
  const { readinessProbe } = container;
  const asked = readinessProbe?.httpGet;
  if (asked === undefined) return undefined;
  const port = typeof asked.port === 'number' ? asked.port : portNamed(container, asked.port);
  const { host = podIP, path = '/', scheme = 'HTTP' } = asked;
  const timeout = (readinessProbe?.timeoutSeconds ?? 1) * 1000;
  return new Promise((resolve) => {
    const ask = scheme === 'HTTPS' ? secure : plain;
    const agent = scheme === 'HTTPS' ? agents.HTTPS : agents.HTTP;
    const sent = ask({ host, port, path, timeout, agent }, (response) => {
      response.resume();
      resolve((response.statusCode ?? 500) < 400);
    });
    sent.once('timeout', () => sent.destroy(new Error('late')));
    sent.once('error', () => resolve(false));
    sent.end();
  });
}

const portNamed = ({ ports = [] }: Container, name: string): number =>
  ports.find((port) => port.name === name)?.containerPort ?? 0;

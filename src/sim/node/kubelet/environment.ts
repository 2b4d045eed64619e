// The environment of a container.
import type { Container, Pod } from 'kubernetes-types/core/v1.js';
import { fieldOf } from './volumes.ts';

export interface EnvironmentFacts {
  /** Where the Service `kubernetes` is reached. */
  readonly server: { readonly host: string; readonly port: number };
  readonly hostIP: string;
  readonly podIP: string;
}

export function environmentOf(
  pod: Pod,
  container: Container,
  facts: EnvironmentFacts,
): Record<string, string> {
  const own = (container.env ?? []).map(({ name, value = '', valueFrom }) => {
    const path = valueFrom?.fieldRef?.fieldPath;
    return [
      name,
      path === undefined ? withOwnAddress(pod, value, facts) : fieldOf(pod, path, facts),
    ] as const;
  });
  return {
    KUBERNETES_SERVICE_HOST: facts.server.host,
    KUBERNETES_SERVICE_PORT: String(facts.server.port),
    HOSTNAME: pod.metadata?.name ?? '',
    ...Object.fromEntries(own),
  };
}

/**
 * All Pods of the machine share one network name space, since making others needs root. Where a Pod listens on all of its
 * addresses, it gets the one that is its own.
 */
function withOwnAddress(pod: Pod, value: string, { podIP }: EnvironmentFacts): string {
  return pod.spec?.hostNetwork === true
    ? value
    : value.replace(/^(?:0\.0\.0\.0|\[::\])?:(?=\d+$)/u, `${podIP}:`);
}

// The CertificateRotation's definition as the chart installs it, for tests on a bare API server.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { KubeClient, Named } from '../../src/kube/client.ts';
import { resources, type Resource } from '../../src/kube/resources.ts';
import { CertError } from '../../src/errors.ts';

const directory = fileURLToPath(new URL('../../deploy/chart/crds', import.meta.url));

const definitions: Resource<Named> = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** Installs every definition of the chart and waits until CertificateRotations are served. */
export async function installCrds(client: KubeClient): Promise<void> {
  for (const definition of readDefinitions()) await client.create(definitions, definition);
  for (let tries = 0; tries < 300; tries += 1) {
    if (await isServed(client)) return;
    await wait(100);
  }
  throw new Error('CertificateRotations are not served');
}

async function isServed(client: KubeClient): Promise<boolean> {
  try {
    await client.list(resources.certificateRotations);
    return true;
  } catch (error) {
    if (error instanceof CertError) return false;
    throw error;
  }
}

function readDefinitions(): Named[] {
  const files = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.yaml')) : [];
  if (files.length === 0) return [loose];
  return files.map((name) => {
    const definition: Named = parse(readFileSync(join(directory, name), 'utf8'));
    return definition;
  });
}

/** Where the chart has none: the kind with its subresource and nothing checked. */
const loose: Named = Object.assign(
  { metadata: { name: 'certificaterotations.certrotator.cpaas.io' } },
  {
    spec: {
      group: 'certrotator.cpaas.io',
      scope: 'Cluster',
      names: { kind: 'CertificateRotation', plural: 'certificaterotations' },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  },
);

import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ConfigMap, Service } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import {
  checksumsName,
  decideDownloads,
  frontendAnnotation,
  web,
  type Found,
  type ToDo,
} from './downloads.ts';

const namespace = 'cpaas-system';
const checksums = { amd64: 'aa  cert-renew\n', arm64: 'bb  cert-renew\n' };
const wanted = { enabled: true, namespace, checksums };
const deployment: Deployment = { metadata: { name: web.name, namespace, uid: 'web-1' } };
const nothing: Found = { service: undefined, deployment, configMap: undefined };

/** As the API server gives back what was written. */
const stored = <T extends Service | ConfigMap>(object: T): T => ({
  ...object,
  metadata: { ...object.metadata, uid: 'u1', resourceVersion: '1' },
});

function after({ write, configMap }: ToDo, found: Found = nothing): Found {
  return {
    service:
      write === undefined
        ? found.service
        : stored({ ...write, spec: { ...write.spec, clusterIP: '10.96.0.7' } }),
    deployment: found.deployment,
    configMap: configMap === undefined ? found.configMap : stored(configMap),
  };
}

const foreign: Service = stored({
  metadata: { name: 'frontend', namespace, labels: { app: 'their-frontend' } },
  spec: { selector: { app: 'their-frontend' }, ports: [{ port: 8080 }] },
});

describe('the downloads in the cluster', () => {
  it('are made: a labelled Service for the web Pods, and the checksums', () => {
    const { write, configMap } = decideDownloads(wanted, nothing);
    expect(write).toMatchObject({
      metadata: {
        name: 'frontend',
        namespace,
        labels: { 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' },
      },
      spec: { selector: web.selector, ports: [{ port: 8080, targetPort: 8080, protocol: 'TCP' }] },
    });
    expect(configMap).toMatchObject({
      metadata: { name: checksumsName, namespace, annotations: { [frontendAnnotation]: 'Ready' } },
      data: checksums,
    });
  });

  it('are left alone once they are as they should be', () => {
    expect(decideDownloads(wanted, after(decideDownloads(wanted, nothing)))).toEqual({});
  });

  it('a Service of ours that somebody bent is put right, and keeps its address', () => {
    const found = after(decideDownloads(wanted, nothing));
    const bent = { ...found.service, spec: { ...found.service?.spec, selector: { app: 'mine' } } };
    const { write } = decideDownloads(wanted, { ...found, service: bent });
    expect(write?.spec).toMatchObject({ selector: web.selector, clusterIP: '10.96.0.7' });
    expect(write?.metadata?.resourceVersion).toBe('1');
  });

  it('checksums that somebody changed, or of another version, are written anew', () => {
    const found = after(decideDownloads(wanted, nothing));
    const lied = { ...found.configMap, data: { ...checksums, amd64: 'cc  cert-renew\n' } };
    expect(decideDownloads(wanted, { ...found, configMap: lied }).configMap?.data).toEqual(checksums);
    const newer = { ...wanted, checksums: { amd64: 'dd  cert-renew\n' } };
    expect(decideDownloads(newer, found).configMap?.data).toEqual(newer.checksums);
  });

  it('the Service goes with the Deployment that serves them, and stays with one made anew', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: web.name };
    const found = after(decideDownloads(wanted, nothing));
    expect(found.service?.metadata?.ownerReferences).toEqual([{ ...owner, uid: 'web-1' }]);
    const anew: Deployment = { metadata: { ...deployment.metadata, uid: 'web-2' } };
    const { write } = decideDownloads(wanted, { ...found, deployment: anew });
    expect(write?.metadata?.ownerReferences).toEqual([{ ...owner, uid: 'web-2' }]);
  });

  it('a Service from before, without an owner, gets one', () => {
    const found = after(decideDownloads(wanted, nothing));
    const { ownerReferences: _, ...metadata } = found.service?.metadata ?? {};
    const { write } = decideDownloads(wanted, { ...found, service: { ...found.service, metadata } });
    expect(write?.metadata?.ownerReferences).toHaveLength(1);
  });

  it('without the Deployment there is no Service, and none is made while all is uninstalled', () => {
    expect(decideDownloads(wanted, { ...nothing, deployment: undefined }).write).toBeUndefined();
    const found = after(decideDownloads(wanted, nothing));
    expect(decideDownloads(wanted, { ...found, deployment: undefined }).remove).toEqual(found.service);
  });

  it('outside of the image, which alone knows them, the checksums are left as they are', () => {
    const { configMap, write } = decideDownloads({ ...wanted, checksums: undefined }, nothing);
    expect(configMap).toBeUndefined();
    expect(write).toBeDefined();
  });
});

describe('a Service of this name that is somebody else’s (R19)', () => {
  it('stays as it is; an Event on it and the ConfigMap say so, and where the tool is to be had', () => {
    const { write, remove, event, configMap } = decideDownloads(wanted, {
      service: foreign,
      deployment,
      configMap: undefined,
    });
    expect({ write, remove }).toEqual({});
    expect(configMap?.metadata?.annotations?.[frontendAnnotation]).toBe('NotOurs');
    expect(event).toMatchObject({
      about: { kind: 'Service', name: 'frontend', namespace, uid: 'u1' },
      type: 'Warning',
      reason: 'FrontendNotOurs',
      message:
        "Service cpaas-system/frontend is somebody else's and stays as it is: cert-renew is not served there. It is to be " +
        'had by kubectl -n cpaas-system port-forward deploy/cluster-cert-rotator-web 8080',
    });
  });

  it('is told again and again, but nothing more is written', () => {
    const found = { service: foreign, deployment, configMap: undefined };
    const again = decideDownloads(wanted, after(decideDownloads(wanted, found), found));
    expect(Object.keys(again)).toEqual(['event']);
  });
});

describe('switched off', () => {
  const off = { ...wanted, enabled: false };

  it('our Service goes, the checksums stay: they hold for what lies on control planes, too', () => {
    const found = after(decideDownloads(wanted, nothing));
    const { remove, configMap } = decideDownloads(off, found);
    expect(remove).toEqual(found.service);
    expect(configMap).toMatchObject({
      metadata: { annotations: { [frontendAnnotation]: 'Off' } },
      data: checksums,
    });
  });

  it('somebody else’s Service stays, and is no matter', () => {
    const toDo = decideDownloads(off, { service: foreign, deployment, configMap: undefined });
    expect(Object.keys(toDo)).toEqual(['configMap']);
  });
});

// Actions from the page, against a real kube-apiserver: with a wrong token, without the right, and with it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationRef } from '../../src/controller/configuration.ts';
import { createClient, type KubeClient } from '../../src/kube/client.ts';
import { Connection, loadKubeConfig } from '../../src/kube/connection.ts';
import { resources } from '../../src/kube/resources.ts';
import { mustSkip, startBareApi, type BareApi } from '../kube/bare-api.ts';
import { installCrd } from '../kube/crd.ts';
import { openBrowser, type Opened } from './browser.ts';
import { serve, type Served } from './serve.ts';
import { show, watchedPage } from './watched-page.ts';

const namespace = 'cpaas-system';

describe.skipIf(mustSkip())('from the page', () => {
  let api: BareApi;
  let connection: Connection;
  let client: KubeClient;
  let served: Served;
  let browser: Opened;
  let token: string;

  beforeAll(async () => {
    api = await startBareApi();
    const config = loadKubeConfig(api.kubeconfig);
    connection = new Connection(config);
    client = createClient(connection);
    await installCrd(client);
    for (const name of [namespace, 'cluster-cert-rotator'])
      await client.create(resources.namespaces, { metadata: { name } });
    await client.create(resources.nodes, { metadata: { name: 'w1' } });
    await client.create(resources.configMaps, {
      metadata: configurationRef,
      data: { 'config.yaml': '# by the chart\nmode: auto\n' },
    });
    token = await nodesToken(connection);
    served = await serve({ client, cluster: config });
    browser = await openBrowser({ locale: 'en' });
  }, 240_000);

  afterAll(async () => {
    await browser.close();
    served.end();
    await connection.close();
    await api.stop();
  });

  const readConfiguration = async () =>
    (await client.get(resources.configMaps, configurationRef))?.data?.['config.yaml'];

  it('a node is paused by who may, in their name, and nothing is kept of their token', async () => {
    const { page, faults } = await watchedPage(browser.context, served.url);
    await show(page, served.url, 'nodes/w1');
    await page.getByRole('button', { name: 'Pause' }).click();
    const field = page.getByRole('textbox', { name: 'Token' });
    await field.fill('wrong');
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.waitForSelector('dialog [role=alert]:has-text("does not accept this token")');
    await field.fill(token);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.waitForSelector('dialog[open]', { state: 'detached' });

    // What they may not do is shown, and cannot be pressed.
    expect(await page.getByRole('button', { name: 'Rotate now' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('dialog[open]').getByRole('button', { name: 'Pause' }).click();
    await page.waitForSelector('.tag:has-text("paused")');
    const node = await client.get(resources.nodes, { name: 'w1' });
    expect(node?.metadata?.annotations).toMatchObject({ 'certrotator.cpaas.io/paused': 'true' });

    const kept = await page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]),
    );
    expect(kept).not.toContain(token.slice(0, 20));
    await page.reload();
    await page.waitForSelector('button:has-text("Sign in to act")');
    // A token that is refused is an answer of 401, which the browser tells its console.
    expect(faults().filter((text) => !text.includes('401'))).toEqual([]);
    await page.close();
  });

  it('everything is paused by who may, every page says so, and it goes on from any of them', async () => {
    const { page, faults } = await watchedPage(browser.context, served.url);
    await show(page, served.url, 'plan');
    expect(await page.getByRole('button', { name: 'Pause everything' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Sign in to act' }).click();
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByRole('button', { name: 'Pause everything' }).click();
    const dialog = page.locator('dialog[open]');
    expect(await dialog.innerText()).toContain('The next helm upgrade sets it');
    await dialog.getByRole('button', { name: 'Pause everything' }).click();
    await page.waitForSelector('aside:has-text("Everything is paused")');
    expect(await readConfiguration()).toBe('# by the chart\nmode: auto\npaused: true\n');

    await show(page, served.url, 'nodes/w1');
    await page.getByRole('button', { name: 'Resume everything' }).click();
    await dialog.getByRole('button', { name: 'Resume everything' }).click();
    await page.waitForSelector('aside', { state: 'detached' });
    expect(await readConfiguration()).toBe('# by the chart\nmode: auto\npaused: false\n');
    expect(faults()).toEqual([]);
    await page.close();
  });
});

/** Of a ServiceAccount that may pause nodes and everything, and nothing else. */
async function nodesToken(connection: Connection): Promise<string> {
  const name = 'pauser';
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const post = async (path: string, body: object) => connection.request({ method: 'POST', path, body });
  await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
  await post(`${rbac}/clusterroles`, {
    metadata: { name },
    rules: [
      { apiGroups: [''], resources: ['nodes'], verbs: ['patch'] },
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [configurationRef.name],
        verbs: ['get', 'patch'],
      },
    ],
  });
  await post(`${rbac}/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  });
  const { text } = await post(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, { spec: {} });
  const { status }: { status: { token: string } } = JSON.parse(text);
  return status.token;
}

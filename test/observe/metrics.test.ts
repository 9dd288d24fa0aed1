/** The metrics: what the text says, that it has bounds, and that dashboard, rules and documents speak of what there is. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderMetrics } from '../../src/observe/exposition.ts';
import { FAMILIES } from '../../src/observe/metrics.ts';
import { describeWithTools } from '../helpers/netns.ts';
import { manyServices, SERVICES, scrapeOf } from './sample-scrape.ts';

const ROOT = join(import.meta.dirname, '../..');
const RULES = join(ROOT, 'docs/prometheus/director.rules.yml');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** By name and labels. */
function valuesIn(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  );
}

const namesIn = (text: string): string[] => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);

describe('a scrape', () => {
  let text: string;
  let values: Map<string, string>;
  beforeAll(async () => {
    text = await renderMetrics(scrapeOf());
    values = valuesIn(text);
  });

  test.each([
    [`director_build_info{version="0.1.0",node="${process.versions.node}"}`, '1'],
    ['director_interface_up{interface="eth0"}', '1'],
    ['director_interface_mtu_bytes{interface="eth0"}', '1500'],
    ['director_datapath_info{datapath="xdp",mode="native"}', '1'],
    ['director_datapath_up', '1'],
    ['director_datapath_restarts_total', '3'],
    ['director_frames_total{verdict="Forward"}', '100'],
    ['director_frames_total{verdict="DropTtl"}', '7'],
    ['director_frames_total{verdict="DropNoNeighbor"}', '0'],
    ['director_frames_total{verdict="DropRingFull"}', '5'],
    ['director_connection_table_entries', '10'],
    ['director_connection_table_limit', '1000'],
    ['director_connection_table_bytes', '72000'],
    ['director_connections_displaced_total{kind="half_open"}', '4'],
    ['director_connections_displaced_total{kind="udp"}', '0'],
    ['director_neighbors{state="resolved"}', '1'],
    ['director_neighbors{state="unresolved"}', '1'],
    ['director_neighbors{state="local"}', '1'],
    ['director_neighbors{state="unreachable"}', '1'],
    ['director_warnings', '1'],
    ['director_config_last_reload_successful', '1'],
    ['director_config_last_reload_success_timestamp_seconds', '1700000000.5'],
    ['director_metrics_servers_limit', '2000'],
    ['director_metrics_servers_aggregated', '0'],
    ['director_service_connections_total{service="tcp 10.0.0.100:80"}', '9'],
    ['director_service_packets_total{service="tcp 10.0.0.100:80"}', '90'],
    ['director_service_bytes_total{service="tcp 10.0.0.100:80"}', '9000'],
    ['director_service_active_connections{service="tcp 10.0.0.100:80"}', '4'],
    ['director_service_inactive_connections{service="tcp 10.0.0.100:80"}', '6'],
    ['director_service_servers{service="tcp 10.0.0.100:80"}', '2'],
    ['director_service_servers{service="fwmark 8"}', '0'],
    ['director_service_servers_available{service="tcp 10.0.0.100:80"}', '1'],
    ['director_service_servers_down{service="tcp 10.0.0.100:80"}', '1'],
    ['director_service_servers_drained{service="tcp 10.0.0.100:80"}', '0'],
    ['director_service_checks_missed_total{service="tcp 10.0.0.100:80"}', '4'],
    ['director_server_connections_total{service="udp [fd00::100]:53",server="[fd00::b]:53"}', '5'],
    ['director_server_packets_total{service="udp [fd00::100]:53",server="[fd00::b]:53"}', '50'],
    ['director_server_bytes_total{service="udp [fd00::100]:53",server="[fd00::b]:53"}', '5000'],
    ['director_server_active_connections{service="udp [fd00::100]:53",server="[fd00::b]:53"}', '2'],
    ['director_server_inactive_connections{service="udp [fd00::100]:53",server="[fd00::b]:53"}', '3'],
    ['director_server_up{service="tcp 10.0.0.100:80",server="10.0.0.12:80"}', '0'],
    ['director_server_up{service="tcp 10.0.0.100:80",server="10.0.0.11:80"}', '1'],
    ['director_server_weight{service="tcp 10.0.0.100:80",server="10.0.0.11:80"}', '2'],
    ['director_server_check_duration_seconds{service="tcp 10.0.0.100:80",server="10.0.0.11:80"}', '0.0015'],
    ['director_server_check_duration_seconds{service="tcp 10.0.0.100:80",server="10.0.0.12:80"}', undefined],
  ])('%s is %s', (name, value) => expect(values.get(name)).toBe(value));

  test('has every row of the table, each once, and what the process takes', () => {
    const names = namesIn(text);
    expect(names.filter((name) => name.startsWith('director_'))).toEqual(FAMILIES.map(({ name }) => name));
    expect(names).toEqual(
      expect.arrayContaining(['process_cpu_seconds_total', 'process_resident_memory_bytes']),
    );
  });

  test('is the same the next time, and without what is gone', async () => {
    const own = (scraped: string) => [...valuesIn(scraped)].filter(([name]) => name.startsWith('director_'));
    expect(own(await renderMetrics(scrapeOf()))).toEqual(own(text));
    const [, ...others] = SERVICES;
    expect(await renderMetrics(scrapeOf(others))).not.toContain('10.0.0.100:80');
  });

  test('says nothing of a file where there is none, and that one was refused', async () => {
    const without = await renderMetrics(scrapeOf(SERVICES, { reload: undefined }));
    expect(valuesIn(without).has('director_config_last_reload_successful')).toBe(false);
    const refused = await renderMetrics(scrapeOf(SERVICES, { reload: { isSuccess: false, succeededMs: 5 } }));
    expect(valuesIn(refused).get('director_config_last_reload_successful')).toBe('0');
  });
});

describe('many servers', () => {
  test('have series of their own up to the limit', async () => {
    const values = valuesIn(await renderMetrics(scrapeOf(manyServices(10, 10), { maxServers: 100 })));
    expect(values.get('director_metrics_servers_aggregated')).toBe('0');
    expect([...values.keys()].filter((name) => name.startsWith('director_server_'))).toHaveLength(8 * 100);
  });

  test('are only in their services beyond it, and a metric says so', async () => {
    const values = valuesIn(await renderMetrics(scrapeOf(manyServices(10, 10), { maxServers: 99 })));
    expect(values.get('director_metrics_servers_aggregated')).toBe('1');
    expect([...values.keys()].filter((name) => name.startsWith('director_server_'))).toEqual([]);
    expect(values.get('director_service_active_connections{service="tcp 10.0.0.100:1009"}')).toBe('20');
  });
});

describe('names and help', () => {
  test.each(FAMILIES.map((family) => [family.name, family] as const))(
    'of %s',
    (name, { type, help, labels }) => {
      expect(name).toMatch(/^director(_[a-z]+)+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(help).toMatch(/^[A-Z].*\.$/);
      for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
    },
  );

  test('are in docs/OPERATIONS.md, a row each, and no others are', () => {
    const rows = [...read('docs/OPERATIONS.md').matchAll(/^\| `(director_[a-z_]+)(?:\{([a-z,]*)\})?` \|/gm)];
    const documented = rows.map(([, name, labels]) => `${name} ${labels ?? ''}`);
    expect(documented).toEqual(FAMILIES.map(({ name, labels }) => `${name} ${labels.join(',')}`));
  });
});

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

const alerts = (parse(readFileSync(RULES, 'utf8')) as Rules).groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(read('docs/grafana/director.json')) as {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
};
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const variables = dashboard.templating.list.map(({ query }) =>
  typeof query === 'string' ? query : query.query,
);

describe('dashboard and rules', () => {
  test.each([
    ['the dashboard', [...queries, ...variables]],
    ['the rules', alerts.map(({ expr }) => expr)],
  ])('%s asks for metrics and labels that a scrape has', async (_, expressions) => {
    const names = new Set([...namesIn(await renderMetrics(scrapeOf())), 'up']);
    const asked = expressions.flatMap((text) =>
      [...text.matchAll(/\b(?:director|process|nodejs)_\w+/g)].map(([name]) => name),
    );
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((name) => !names.has(name))).toEqual([]);
    const labelsOf = new Map(FAMILIES.map(({ name, labels }) => [name, labels]));
    for (const text of expressions)
      for (const [, name, selectors] of text.matchAll(/\b(director_\w+)\{([^}]*)\}/g))
        for (const [, label] of selectors!.matchAll(/(\w+)\s*[=!]~?"/g))
          expect(['instance', 'job', ...labelsOf.get(name!)!]).toContain(label);
  });

  test('the dashboard has each panel once, and shows every metric of traffic', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const text = queries.join(' ');
    for (const { name } of FAMILIES)
      if (/_(service|server)_.*_total$|_connections$/.test(name) && !name.includes('inactive'))
        expect(text).toContain(name);
  });
});

describeWithTools('promtool', ['promtool'], () => {
  const promtool = (args: readonly string[], input = '') => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
    return { status, said: `${stdout}${stderr}` };
  };

  test('finds nothing to object to in the text', async () => {
    const text = await renderMetrics(scrapeOf());
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
  });

  test('takes the rules', () => {
    expect(promtool(['check', 'rules', RULES])).toMatchObject({
      status: 0,
      said: expect.stringContaining(`${alerts.length} rules found`),
    });
  });

  test('sees each alert fire when it should', () => {
    const tests = join(import.meta.dirname, 'director.rules.test.yml');
    expect(promtool(['test', 'rules', tests])).toMatchObject({ status: 0 });
    const tested = new Set(
      [...readFileSync(tests, 'utf8').matchAll(/alertname: (\w+)/g)].map(([, name]) => name),
    );
    expect([...tested].sort()).toEqual(alerts.map(({ alert }) => alert).sort());
  });

  test("takes the dashboard's queries", () => {
    const folder = mkdtempSync(join(tmpdir(), 'director-dashboard-'));
    const path = join(folder, 'rules.yml');
    const rules = queries.map((query, index) => ({
      record: `query:${index}`,
      expr: query.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*'),
    }));
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(promtool(['check', 'rules', path])).toMatchObject({ status: 0 });
    rmSync(folder, { recursive: true });
  });
});

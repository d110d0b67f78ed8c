import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import * as lines from '../src/cli/lines';
import { commandLine, quoted } from '../src/cli/quote';

const HOME: lines.Home = {
  prefix: '',
  outputs: {
    ProvisionDeviceStateMachineArn: 'arn:aws:states:eu-west-1:1:stateMachine:p-provision-device',
    RestartDeviceStateMachineArn: 'arn:aws:states:eu-west-1:1:stateMachine:p-restart-device',
    LinkDevicesFunctionName: 'p-link',
  },
};

/** What programs a shell starts for a line: their words and standard input. */
function started(line: string): string[] {
  const script = `aws() { for word; do printf '%s\\0' "$word"; done; printf '%s\\0' "stdin=$(cat)"; }
    playground() { aws "$@"; }
    ${line}`;
  const told = execFileSync('sh', ['-c', script], { input: '', encoding: 'utf8' });
  return told.split('\0').slice(0, -1);
}

const NASTY = [
  'plain',
  '',
  ' ',
  "it's",
  '"double"',
  '$HOME `id` $(id)',
  'a\\b',
  'new\nline',
  '*?[x]',
  '~',
  '#no comment',
  '!history',
  '; rm -rf x',
  '& | > <',
  'é 漢 😀',
  "'",
  "''\\''",
  '-n',
];

test.each(NASTY)('a shell reads %j back as it was', (word) => {
  const told = execFileSync('sh', ['-c', `printf %s ${quoted(word)}`], { encoding: 'utf8' });
  expect(told).toBe(word);
});

test('words that mean nothing to a shell are left as they are', () => {
  expect(commandLine('aws', 'iot', '--thing-name=lamp:1')).toBe('aws iot --thing-name=lamp:1');
});

describe('lines reach aws as they are meant', () => {
  test('a workflow is started with its input', () => {
    const input = { thingName: 'lamp', attributes: { room: "Ann's" } };
    expect(started(lines.startWorkflow(HOME, 'provision-device', input))).toEqual([
      'stepfunctions',
      'start-execution',
      '--state-machine-arn',
      'arn:aws:states:eu-west-1:1:stateMachine:p-provision-device',
      '--input',
      JSON.stringify(input),
      'stdin=',
    ]);
  });

  test.each(['lamp', '-x', 'a:b'])('the shadow of %s gets what is desired', (name) => {
    const desired = { payload: { text: "it's 100 % \\ $HOME" } };
    const told = started(lines.updateShadow(HOME, name, desired));
    expect(told).toContain(`--thing-name=${name}`);
    expect(told.at(-1)).toBe(`stdin=${JSON.stringify({ state: { desired } })}`);
    expect(told).toContain('fileb:///dev/stdin');
  });

  test('a command is a request on the device’s topic', () => {
    expect(started(lines.command(HOME, 'lamp', 'tamper', { detail: 'a b' }))).toEqual([
      'iot-data',
      'publish',
      '--topic=cmd/playground/lamp/req',
      '--qos',
      '1',
      '--payload',
      'fileb:///dev/stdin',
      'stdin={"command":"tamper","arguments":{"detail":"a b"}}',
    ]);
    expect(lines.command(HOME, 'lamp', 'ping')).not.toContain('arguments');
  });

  test('a payload of any kind is published as it is', () => {
    for (const payload of NASTY) {
      const told = started(lines.publish(HOME, 'a/b', payload));
      expect(told.at(-1)).toBe(`stdin=${payload.replace(/\n+$/, '')}`);
    }
  });

  test('an execution’s ARN is that of its state machine, with its name', () => {
    expect(lines.executionArn(HOME, 'provision-device', 'api-1')).toBe(
      'arn:aws:states:eu-west-1:1:execution:p-provision-device:api-1',
    );
  });

  test('a job’s target is in the stack’s own account', () => {
    expect(lines.createJob(HOME, 'lamp', 'lamp-unit', { operation: 'change-unit' })).toContain(
      'arn:aws:iot:eu-west-1:1:thing/lamp',
    );
  });

  test('an output that is not known is a name that nobody can run', () => {
    expect(lines.catalog(HOME)).toContain("'<DeviceCatalogTableName>'");
  });
});

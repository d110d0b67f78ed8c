import type { JsonObject } from '../values/json';
import { commandLine, piped, quoted } from './quote';

/** What a line needs to know of the home it is for. */
export interface Home {
  /** Before `aws`, where the home needs it. */
  prefix: string;
  outputs: Readonly<Record<string, string>>;
}

const STANDARD_INPUT = 'fileb:///dev/stdin';
const STANDARD_OUTPUT = '/dev/stdout';

/** An output of the stack; a name in angle brackets, which nobody can run, when it is unknown. */
const output = (home: Home, name: string): string => home.outputs[name] ?? `<${name}>`;

const aws = (home: Home, ...words: string[]): string =>
  (home.prefix ? `${home.prefix} ` : '') + commandLine('aws', ...words);

const awsGiven = (home: Home, text: string, ...words: string[]): string =>
  `printf %s ${quoted(text)} | ${aws(home, ...words)}`;

/** Words of `playground` with names that begin with a dash where they can stand. */
const named = (name: string): string[] => (name.startsWith('-') ? ['--', name] : [name]);

/** Outputs of the stack that lead to its state machines. */
export const WORKFLOW_OUTPUTS = {
  'provision-device': 'ProvisionDeviceStateMachineArn',
  'deprovision-device': 'DeprovisionDeviceStateMachineArn',
  'restart-device': 'RestartDeviceStateMachineArn',
  'quarantine-device': 'QuarantineDeviceStateMachineArn',
  'release-device': 'ReleaseDeviceStateMachineArn',
  'roll-devices': 'RollDevicesStateMachineArn',
  'provision-fleet': 'ProvisionFleetStateMachineArn',
  'remove-fleet': 'RemoveFleetStateMachineArn',
} as const;
export type WorkflowName = keyof typeof WORKFLOW_OUTPUTS;

/** Start a workflow, as the API does for a device that is made or removed. */
export const startWorkflow = (home: Home, workflow: WorkflowName, input: JsonObject): string =>
  aws(
    home,
    'stepfunctions',
    'start-execution',
    '--state-machine-arn',
    output(home, WORKFLOW_OUTPUTS[workflow]),
    '--input',
    JSON.stringify(input),
  );

/** The ARN of an execution: that of its state machine, with the execution's name. */
export function executionArn(home: Home, workflow: string, name: string): string {
  const known = (WORKFLOW_OUTPUTS as Record<string, string | undefined>)[workflow];
  const machine = known === undefined ? undefined : home.outputs[known];
  return machine ? `${machine.replace(':stateMachine:', ':execution:')}:${name}` : `<${name}>`;
}

export const describeExecution = (home: Home, workflow: string, name: string): string =>
  aws(
    home,
    'stepfunctions',
    'describe-execution',
    '--execution-arn',
    executionArn(home, workflow, name),
  );

export const executionHistory = (home: Home, workflow: string, name: string): string =>
  aws(
    home,
    'stepfunctions',
    'get-execution-history',
    '--execution-arn',
    executionArn(home, workflow, name),
    '--include-execution-data',
  );

export const listExecutions = (home: Home, workflow: WorkflowName): string =>
  aws(
    home,
    'stepfunctions',
    'list-executions',
    '--state-machine-arn',
    output(home, WORKFLOW_OUTPUTS[workflow]),
  );

/** Change what is desired. The payload comes from standard input: all versions of `aws` read it. */
export const updateShadow = (home: Home, thingName: string, desired: JsonObject): string =>
  awsGiven(
    home,
    JSON.stringify({ state: { desired } }),
    'iot-data',
    'update-thing-shadow',
    `--thing-name=${thingName}`,
    '--payload',
    STANDARD_INPUT,
    STANDARD_OUTPUT,
  );

export const getShadow = (home: Home, thingName: string): string =>
  aws(home, 'iot-data', 'get-thing-shadow', `--thing-name=${thingName}`, STANDARD_OUTPUT);

export const publish = (home: Home, topic: string, payload: string): string =>
  awsGiven(
    home,
    payload,
    'iot-data',
    'publish',
    `--topic=${topic}`,
    '--qos',
    '1',
    '--payload',
    STANDARD_INPUT,
  );

/** A request to a device; it answers on `cmd/playground/NAME/res`. */
export const command = (
  home: Home,
  thingName: string,
  name: string,
  given: JsonObject = {},
): string =>
  publish(
    home,
    `cmd/playground/${thingName}/req`,
    JSON.stringify({ command: name, ...(Object.keys(given).length > 0 && { arguments: given }) }),
  );

export const describeThing = (home: Home, thingName: string): string =>
  aws(home, 'iot', 'describe-thing', `--thing-name=${thingName}`);

export const describeCertificate = (home: Home, certificateId: string): string =>
  aws(home, 'iot', 'describe-certificate', '--certificate-id', certificateId);

export const endpoint = (home: Home): string =>
  aws(home, 'iot', 'describe-endpoint', '--endpoint-type', 'iot:Data-ATS');

export const catalogRow = (home: Home, thingName: string): string =>
  aws(
    home,
    'dynamodb',
    'get-item',
    '--table-name',
    output(home, 'DeviceCatalogTableName'),
    '--key',
    JSON.stringify({ thing_name: { S: thingName } }),
  );

export const catalog = (home: Home): string =>
  aws(home, 'dynamodb', 'scan', '--table-name', output(home, 'DeviceCatalogTableName'));

export const findings = (home: Home, thingName: string): string =>
  aws(
    home,
    'dynamodb',
    'query',
    '--table-name',
    output(home, 'VerdictsTableName'),
    '--key-condition-expression',
    'thing_name = :name',
    '--expression-attribute-values',
    JSON.stringify({ ':name': { S: thingName } }),
  );

export const jobsOf = (home: Home, thingName: string): string =>
  aws(home, 'iot', 'list-job-executions-for-thing', `--thing-name=${thingName}`);

export const link = (
  home: Home,
  action: 'link' | 'unlink',
  thingName: string,
  target: string,
): string =>
  awsGiven(
    home,
    JSON.stringify({ action, thingName, target }),
    'lambda',
    'invoke',
    '--function-name',
    output(home, 'LinkDevicesFunctionName'),
    '--payload',
    STANDARD_INPUT,
    STANDARD_OUTPUT,
  );

export const getPolicy = (home: Home): string =>
  aws(home, 'iot', 'get-policy', '--policy-name', output(home, 'DevicePolicyName'));

/** A job for one device. Region and account are those of the stack's own state machines. */
export const createJob = (
  home: Home,
  thingName: string,
  jobId: string,
  document: JsonObject,
): string => {
  const [, , , region = '', account = ''] = output(home, WORKFLOW_OUTPUTS['restart-device']).split(
    ':',
  );
  return aws(
    home,
    'iot',
    'create-job',
    `--job-id=${jobId}`,
    '--document',
    JSON.stringify(document),
    '--targets',
    `arn:aws:iot:${region}:${account}:thing/${thingName}`,
  );
};

export const listFleets = (home: Home): string =>
  aws(home, 'dynamodb', 'scan', '--table-name', output(home, 'FleetsTableName'));

/** The playground's own command. */
export const playground = (...words: string[]): string => commandLine('playground', ...words);

export const playgroundLogs = (thingName: string): string =>
  playground('logs', ...named(thingName));

export const playgroundListen = (filter: string): string => playground('listen', filter);

export const playgroundJob = (thingName: string, ...operation: string[]): string =>
  playground('job', 'create', thingName, ...operation, '--wait');

export { piped };

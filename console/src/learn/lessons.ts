/** A lesson is plain text: paragraphs, and lines to type. */
export interface Lesson {
  id: string;
  title: string;
  /** Views beside which it is of most use, by the beginning or a part of their path. */
  beside: RegExp;
  steps: { text: string; type?: (names: Names) => string }[];
}

/** Names that a lesson's lines use. */
export interface Names {
  thingName: string;
}

export const LESSONS: readonly Lesson[] = [
  {
    id: 'delta',
    title: 'A delta arrives',
    beside: /shadow|config|^\/devices\/?$/,
    steps: [
      {
        text:
          'You never tell a device what to do. You write what you want into its shadow, under ' +
          'desired. The device may be asleep, or on a train: it reads that when it can.',
      },
      {
        text:
          'Open a device and its tab Shadow. Then change its setting time, in the tab Config or ' +
          'with this line:',
        type: ({ thingName }) => `playground set ${thingName} time=2`,
      },
      {
        text:
          'Where desired and reported differ, AWS IoT publishes a delta: only the keys that ' +
          'differ. The device takes it, runs with it, and writes reported. When the two agree ' +
          'there is no delta any more.',
      },
      {
        text:
          'The tab Timeline has all three with the time between them. On this machine it is a ' +
          'few hundredths of a second; over a real network a few tenths.',
      },
      {
        text:
          'Now ask for what the device refuses. It keeps its old value, and says in ' +
          'reported.rejected why. Desired stays as you wrote it, so the delta stays too, until ' +
          'somebody corrects it.',
        type: ({ thingName }) => `playground set ${thingName} unit=furlong`,
      },
      {
        text: 'Take it out again, so that desired and reported agree:',
        type: ({ thingName }) => `playground unset ${thingName} unit`,
      },
    ],
  },
  {
    id: 'refused',
    title: 'Why was I refused?',
    beside: /timeline|commands|messages/,
    steps: [
      {
        text:
          'A policy is attached to the certificate, not to the thing. It allows four actions: ' +
          'connect with a client id, publish to a topic, subscribe to a filter, receive from a ' +
          'topic. What no statement allows is refused.',
      },
      {
        text: 'Have the device do what it may not. The command is one of those in its tab Commands:',
        type: ({ thingName }) => `playground command ${thingName} authorization-error`,
      },
      {
        text:
          'With MQTT 5 the broker answers reason code 135, “not authorized”, and the ' +
          'connection stays. With MQTT 3.1.1 there is no such answer: AWS IoT closes the ' +
          'connection, and the device sees only that it was disconnected.',
      },
      {
        text:
          'The tab Timeline says in its box at the top what was refused and by which statement. ' +
          'Below, “May it?” asks the same of any topic before you try it.',
      },
      {
        text:
          'Publish and receive are compared with a topic, in which + and # are ordinary letters. ' +
          'Subscribe is compared with the filter itself. Many refusals come from a policy that ' +
          'says topic/ where topicfilter/ is meant.',
      },
    ],
  },
  {
    id: 'certificate',
    title: 'A certificate’s life',
    beside: /certificate|workflows|executions/,
    steps: [
      {
        text:
          'A device proves who it is with a certificate and the key that belongs to it. AWS IoT ' +
          'makes both and the device fetches them once; or the device makes the key, sends a ' +
          'signing request, and nobody else ever has the key.',
      },
      {
        text:
          'ACTIVE means that it may connect. INACTIVE and REVOKED mean that it may not, and an ' +
          'open connection is ended. The tab Certificate shows the line of its life.',
      },
      {
        text:
          'No certificate should live for ever. Have the device change it, and keep the tab ' +
          'Certificate open:',
        type: ({ thingName }) => `playground job create ${thingName} rotate-cert --wait`,
      },
      {
        text:
          'First there is a successor beside the one in force. The device connects with it, which ' +
          'proves that it has it, and confirms. Only then is the old one revoked: a device that ' +
          'fails half-way still has one that works.',
      },
      {
        text:
          'In a quarantine the certificate stays, and its policy is changed for one that allows ' +
          'almost nothing. To let the device out it gets a new certificate, because somebody may ' +
          'have copied the old key.',
      },
    ],
  },
];

/** The lesson that fits a view best. */
export const lessonBeside = (path: string): Lesson | undefined =>
  LESSONS.find(({ beside }) => beside.test(path)) ?? LESSONS[0];

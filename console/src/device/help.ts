import { isObject, type Json, type JsonObject } from '../values/json';

/** A command as the device describes it. */
export interface Described {
  name: string;
  description: string;
  arguments: { name: string; rule: string; description: string; preset: Json | undefined }[];
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** The commands that a device's answer to `help` names. A device may answer anything. */
export function describedBy(result: JsonObject): Described[] {
  return Object.entries(result).flatMap(([name, row]): Described[] => {
    if (!isObject(row)) return [];
    const given = isObject(row.arguments) ? row.arguments : {};
    return [
      {
        name,
        description: text(row.description),
        arguments: Object.entries(given).map(([argument, told]) => ({
          name: argument,
          rule: isObject(told) ? text(told.rule) : '',
          description: isObject(told) ? text(told.description) : '',
          preset: isObject(told) && told.default !== null ? told.default : undefined,
        })),
      },
    ];
  });
}

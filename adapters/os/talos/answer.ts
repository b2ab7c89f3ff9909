import { Code, ConnectError } from "@connectrpc/connect";
import type { Metadata } from "./gen/common_pb.ts";

/** The one message of a classic answer; throws where there is none or it is an error that a forwarding apid has wrapped. */
export function only<T extends { metadata?: Metadata | undefined }>(answer: { messages: readonly T[] }): T {
  const [message] = answer.messages;
  if (!message) throw new ConnectError("it holds no message", Code.Internal);
  return whole(message);
}

/** The message itself, unless its metadata says that it is an error. */
export function whole<T extends { metadata?: Metadata | undefined }>(message: T): T {
  const { error, status } = message.metadata ?? {};
  if (error)
    throw new ConnectError(error, status?.code ?? Code.Unknown, new Headers({ "grpc-status": String(status?.code ?? Code.Unknown) }));
  return message;
}

#include "endcap/error.h"

#include <google/protobuf/util/time_util.h>

#include <array>
#include <string_view>
#include <utility>

#include "details.pb.h"

namespace endcap {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

constexpr std::array<const char*, 17> kNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

bool Known(int code) { return 0 <= code && code < static_cast<int>(kNames.size()); }

const char* Name(grpc::StatusCode code) { return Known(code) ? kNames[code] : "UNKNOWN"; }

// What gRPC says of a connection that the server closed before it stood gives no reason.
std::string Said(const grpc::Status& status) {
  constexpr std::string_view kClosed = ": Socket closed";
  const std::string& message = status.error_message();
  if (message.empty()) return Name(status.error_code());
  const bool closed = message.size() > kClosed.size() &&
                      message.compare(message.size() - kClosed.size(), kClosed.size(), kClosed) == 0;
  return closed ? message + ", as a server does that expects TLS, or a client's certificate" : message;
}

milliseconds Delay(const google::protobuf::Duration& delay) {
  return milliseconds(TimeUtil::DurationToMilliseconds(delay));
}

// Reads `packed` into `message` when it holds one of google.rpc's of that name.
template <typename Message>
bool Unpack(const google::protobuf::Any& packed, Message* message) {
  const std::string& url = packed.type_url();
  const std::string type = url.substr(url.rfind('/') + 1);
  return type == "google.rpc." + Message::descriptor()->name() && message->ParseFromString(packed.value());
}

void Add(const google::protobuf::Any& packed, Error::Details* found) {
  details::ErrorInfo info;
  details::BadRequest bad;
  details::RetryInfo retry;
  if (Unpack(packed, &info)) {
    found->reason = info.reason();
    found->domain = info.domain();
    found->metadata = {info.metadata().begin(), info.metadata().end()};
  } else if (Unpack(packed, &bad)) {
    for (const auto& each : bad.field_violations()) found->fields[each.field()] = each.description();
  } else if (Unpack(packed, &retry)) {
    found->retry_delay = Delay(retry.retry_delay());
  }
}

Error::Details Read(const grpc::Status& status) {
  Error::Details found;
  found.code = status.error_code();
  found.message = Said(status);
  details::Status packed;
  if (packed.ParseFromString(status.error_details())) {
    for (const auto& each : packed.details()) Add(each, &found);
  }
  return found;
}

Error::Details Read(const v1::CallError& error) {
  Error::Details found;
  found.code = Known(error.code()) ? static_cast<grpc::StatusCode>(error.code()) : grpc::StatusCode::UNKNOWN;
  found.message = error.message();
  found.reason = error.reason();
  for (const auto& each : error.violations()) found.fields[each.field()] = each.description();
  if (error.has_retry_delay()) found.retry_delay = Delay(error.retry_delay());
  return found;
}

std::string Text(const Error::Details& details) {
  const std::string reason = details.reason.empty() ? "" : " (" + details.reason + ")";
  std::string text = Name(details.code) + reason + ": " + details.message;
  for (const auto& [field, wrong] : details.fields) {
    if (details.message.find(wrong) == std::string::npos) text += "\n  " + field + ": " + wrong;
  }
  return text;
}

}  // namespace

Error::Error(Details details)
    : std::runtime_error(Text(details)), details_(std::make_shared<const Details>(std::move(details))) {}

Error::Error(const grpc::Status& status) : Error(Read(status)) {}

Error::Error(const v1::CallError& error) : Error(Read(error)) {}

const char* Error::code_name() const noexcept { return Name(code()); }

bool Error::temporary() const noexcept {
  return code() == grpc::StatusCode::UNAVAILABLE || code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
         code() == grpc::StatusCode::DEADLINE_EXCEEDED;
}

}  // namespace endcap

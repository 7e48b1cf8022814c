// What a call can throw.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "endcap/v1/common.pb.h"

namespace endcap {

// A call that failed. Cheap to copy.
class Error : public std::runtime_error {
 public:
  // What a failed call says.
  struct Details {
    grpc::StatusCode code = grpc::StatusCode::UNKNOWN;
    std::string message;
    std::string reason;
    std::string domain;
    std::map<std::string, std::string> metadata;
    std::map<std::string, std::string> fields;
    std::optional<std::chrono::milliseconds> retry_delay;
  };

  explicit Error(Details details);
  // Reads a status with google.rpc's standard details; a proxy's has none, and ones that cannot be read count as none.
  explicit Error(const grpc::Status& status);
  // Reads the error of one call inside a stream.
  explicit Error(const v1::CallError& error);

  // The gRPC status code.
  grpc::StatusCode code() const noexcept { return details_->code; }
  // Its canonical name, as "NOT_FOUND".
  const char* code_name() const noexcept;
  // What was wrong, for people; what() has code, reason and fields as well.
  const std::string& message() const noexcept { return details_->message; }
  // What was wrong, for programs: an UPPER_SNAKE word such as UNKNOWN_STRATEGY; empty when the server gave none.
  const std::string& reason() const noexcept { return details_->reason; }
  // Who gave the reason: "endcap"; empty when the server gave none, or for one call of a batch.
  const std::string& domain() const noexcept { return details_->domain; }
  // What else the server says of the reason, by name.
  const std::map<std::string, std::string>& metadata() const noexcept { return details_->metadata; }
  // The request fields at fault, as "override.recall[0].limit", and what is wrong with each.
  const std::map<std::string, std::string>& fields() const noexcept { return details_->fields; }
  // How long to wait before trying again; nothing when the server does not say.
  std::optional<std::chrono::milliseconds> retry_delay() const noexcept { return details_->retry_delay; }
  // Whether trying again may help: the server is away, overloaded or late.
  bool temporary() const noexcept;

 private:
  std::shared_ptr<const Details> details_;  // shared, so that copying an exception cannot throw
};

}  // namespace endcap

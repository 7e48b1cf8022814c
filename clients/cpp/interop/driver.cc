// Makes the calls that the interop tests ask for: a JSON line in, a JSON line out, in order.
#include <endcap/client.h>
#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include "interop.pb.h"

namespace {

using endcap::interop::Call;
using endcap::interop::Outcome;
using google::protobuf::Message;
using google::protobuf::util::JsonPrintOptions;
using std::chrono::milliseconds;

std::string Json(const Message& message, const JsonPrintOptions& options = {}) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) throw std::runtime_error("cannot be written as JSON: " + status.ToString());
  return json;
}

template <typename Into>
Into Parse(const std::string& json) {
  Into message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (!status.ok()) throw std::runtime_error("not a " + message.GetTypeName() + ": " + json + ": " + status.ToString());
  return message;
}

void Add(const Message& response, Outcome* outcome) {
  *outcome->add_responses() = Parse<google::protobuf::Struct>(Json(response));
}

std::vector<endcap::v1::RankRequest> BatchRequests(const Call& call) {
  std::vector<endcap::v1::RankRequest> requests;
  for (const auto& each : call.requests()) {
    requests.push_back(Parse<endcap::v1::BatchRankRequest>(Json(each)).request());
  }
  return requests;
}

void Make(const endcap::Client& client, const Call& call, Outcome* outcome) {
  const milliseconds timeout(call.timeout_ms());
  if (call.method() == "Rank") {
    Add(client.Rank(Parse<endcap::v1::RankRequest>(Json(call.requests(0))), timeout), outcome);
  } else if (call.method() == "BatchRank") {
    client.BatchRank(BatchRequests(call), [&](const auto& answer) { Add(answer.message(), outcome); }, timeout);
  } else if (call.method() == "ListStrategies") {
    Add(client.ListStrategies(timeout), outcome);
  } else if (call.method() == "GetServingState") {
    Add(client.GetServingState(timeout), outcome);
  } else {
    throw std::invalid_argument("the driver has no method " + call.method());
  }
}

void Report(const endcap::Error& error, Outcome* outcome) {
  outcome->set_code(error.code_name());
  outcome->set_message(error.message());
  outcome->set_reason(error.reason());
  outcome->set_domain(error.domain());
  outcome->mutable_metadata()->insert(error.metadata().begin(), error.metadata().end());
  outcome->mutable_fields()->insert(error.fields().begin(), error.fields().end());
  if (const auto delay = error.retry_delay()) {
    outcome->mutable_retry_ms()->set_number_value(static_cast<double>(delay->count()));
  }
}

class Driver {
 public:
  Outcome Answer(const Call& call) {
    const endcap::Client& client = ClientOf(call.channel());
    Outcome outcome;
    outcome.set_id(call.id());
    outcome.set_code("OK");
    outcome.mutable_retry_ms()->set_null_value(google::protobuf::NULL_VALUE);
    const auto start = std::chrono::steady_clock::now();
    try {
      Make(client, call, &outcome);
    } catch (const endcap::Error& error) {
      Report(error, &outcome);
    }
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    outcome.set_elapsed_ms(elapsed.count());
    return outcome;
  }

 private:
  const endcap::Client& ClientOf(const endcap::interop::Channel& channel) {
    endcap::Options options;
    if (channel.has_tls()) {
      options.tls = {channel.tls().ca(), channel.tls().cert(), channel.tls().key(), channel.tls().server_name()};
    }
    return clients_.try_emplace(channel.SerializeAsString(), channel.target(), options).first->second;
  }

  std::map<std::string, endcap::Client> clients_;
};

}  // namespace

int main() {
  JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  Driver driver;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Json(driver.Answer(Parse<Call>(line)), options) << std::endl;
  }
}

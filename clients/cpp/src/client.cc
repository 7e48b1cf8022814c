#include "endcap/client.h"

#include <grpcpp/client_context.h>

#include <future>
#include <utility>

#include "channel.h"

namespace endcap {
namespace {

using Stream = grpc::ClientReaderWriter<v1::BatchRankRequest, v1::BatchRankResponse>;

void SetTimeout(grpc::ClientContext* context, milliseconds timeout) {
  context->set_deadline(std::chrono::system_clock::now() + timeout);
}

void ThrowUnlessOk(const grpc::Status& status) {
  if (!status.ok()) throw Error(status);
}

// Ends the call where it goes out of scope; does nothing when it has ended.
class CancelAtEnd {
 public:
  explicit CancelAtEnd(grpc::ClientContext* context) : context_(context) {}
  CancelAtEnd(const CancelAtEnd&) = delete;
  CancelAtEnd& operator=(const CancelAtEnd&) = delete;
  ~CancelAtEnd() { context_->TryCancel(); }

 private:
  grpc::ClientContext* context_;
};

// Ends early when the call has ended: then Write returns false.
void Send(Stream* stream, const std::vector<v1::RankRequest>& requests) {
  v1::BatchRankRequest message;
  for (const auto& request : requests) {
    *message.mutable_request() = request;
    if (!stream->Write(message)) return;
  }
  stream->WritesDone();
}

template <typename Response, typename Stub, typename Method, typename Request>
Response Call(Stub* stub, Method method, const Request& request, milliseconds timeout) {
  grpc::ClientContext context;
  SetTimeout(&context, timeout);
  Response response;
  ThrowUnlessOk((stub->*method)(&context, request, &response));
  return response;
}

}  // namespace

std::optional<Error> BatchAnswer::error() const {
  return message_.has_error() ? std::make_optional<Error>(message_.error()) : std::nullopt;
}

const v1::RankResponse& BatchAnswer::response() const {
  if (message_.has_error()) throw Error(message_.error());
  return message_.response();
}

Client::Client(const std::string& target, Options options) : options_(std::move(options)) {
  const auto channel = OpenChannel(target, options_);
  ranking_ = v1::RankingService::NewStub(channel);
  admin_ = v1::AdminService::NewStub(channel);
}

v1::RankResponse Client::Rank(const v1::RankRequest& request, std::optional<milliseconds> timeout) const {
  return Call<v1::RankResponse>(ranking_.get(), &v1::RankingService::Stub::Rank, request,
                                timeout.value_or(options_.timeout));
}

void Client::BatchRank(const std::vector<v1::RankRequest>& requests, const std::function<void(BatchAnswer)>& answered,
                       std::optional<milliseconds> timeout) const {
  grpc::ClientContext context;
  SetTimeout(&context, timeout.value_or(options_.batch_timeout));
  const auto stream = ranking_->BatchRank(&context);
  // Both ends at once: a server that answers as it goes would else be stopped by its full window. Leaving the scope
  // cancels the call, then waits for the sender, which a cancelled call ends.
  auto sending = std::async(std::launch::async, [&] { Send(stream.get(), requests); });
  const CancelAtEnd cancel(&context);
  v1::BatchRankResponse message;
  while (stream->Read(&message)) answered(BatchAnswer(std::move(message)));
  sending.wait();
  ThrowUnlessOk(stream->Finish());
}

v1::ListStrategiesResponse Client::ListStrategies(std::optional<milliseconds> timeout) const {
  return Call<v1::ListStrategiesResponse>(admin_.get(), &v1::AdminService::Stub::ListStrategies,
                                          v1::ListStrategiesRequest(), timeout.value_or(options_.timeout));
}

v1::GetServingStateResponse Client::GetServingState(std::optional<milliseconds> timeout) const {
  return Call<v1::GetServingStateResponse>(admin_.get(), &v1::AdminService::Stub::GetServingState,
                                           v1::GetServingStateRequest(), timeout.value_or(options_.timeout));
}

}  // namespace endcap

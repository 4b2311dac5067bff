// Loads a version directory as TensorFlow Serving does, without Python, and answers requests.
//
//   replay <version directory> <requests> <answers>
//
// Both files are TFRecords of tensorflow.NameAttrList, a message of TensorFlow's own with a name
// and named tensors. In a request the name is the signature's and the tensors are its inputs. In
// the answer to it the tensors are the outputs and the name is empty, or it is the error and there
// are no tensors. A refused request is no failure of this program: it goes on with the next one.
// Exit status 1: the directory cannot be loaded or a file cannot be read or written.

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/attr_value.pb.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/lib/io/record_reader.h"
#include "tensorflow/core/lib/io/record_writer.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/platform/errors.h"
#include "tensorflow/core/public/session.h"

namespace {

using Message = tensorflow::NameAttrList;
using NamedTensors = std::vector<std::pair<std::string, tensorflow::Tensor>>;

// The inputs of a request by the names that the graph has for them. As in the server, every input
// of the signature must be there and no other.
absl::Status ReadInputs(const tensorflow::SignatureDef& signature, const Message& request,
                        NamedTensors* inputs) {
  for (const auto& [name, value] : request.attr()) {
    const auto found = signature.inputs().find(name);
    if (found == signature.inputs().end()) {
      return tensorflow::errors::InvalidArgument("The signature has no input ", name);
    }
    tensorflow::Tensor tensor;
    if (!tensor.FromProto(value.tensor())) {
      return tensorflow::errors::InvalidArgument("The tensor of ", name, " is damaged");
    }
    if (tensor.dtype() != found->second.dtype()) {
      return tensorflow::errors::InvalidArgument(name, " has another type than the signature's");
    }
    inputs->emplace_back(found->second.name(), std::move(tensor));
  }
  if (inputs->size() != static_cast<size_t>(signature.inputs().size())) {
    return tensorflow::errors::InvalidArgument("An input of the signature is missing");
  }
  return absl::OkStatus();
}

// Runs one signature and puts its outputs into the answer.
absl::Status Run(const tensorflow::SavedModelBundle& bundle, const Message& request,
                 Message* answer) {
  const auto& signatures = bundle.GetSignatures();
  const auto found = signatures.find(request.name());
  if (found == signatures.end()) {
    return tensorflow::errors::InvalidArgument("There is no signature ", request.name());
  }
  NamedTensors inputs;
  TF_RETURN_IF_ERROR(ReadInputs(found->second, request, &inputs));

  std::vector<std::string> names;
  std::vector<std::string> tensors;
  for (const auto& [name, information] : found->second.outputs()) {
    names.push_back(name);
    tensors.push_back(information.name());
  }
  std::vector<tensorflow::Tensor> outputs;
  TF_RETURN_IF_ERROR(bundle.GetSession()->Run(inputs, tensors, {}, &outputs));
  for (size_t i = 0; i < names.size(); ++i) {
    outputs[i].AsProtoField((*answer->mutable_attr())[names[i]].mutable_tensor());
  }
  return absl::OkStatus();
}

// Answers all requests of one file in another.
absl::Status Replay(const tensorflow::SavedModelBundle& bundle, const std::string& requests,
                    const std::string& answers) {
  std::unique_ptr<tensorflow::RandomAccessFile> source;
  TF_RETURN_IF_ERROR(tensorflow::Env::Default()->NewRandomAccessFile(requests, &source));
  std::unique_ptr<tensorflow::WritableFile> target;
  TF_RETURN_IF_ERROR(tensorflow::Env::Default()->NewWritableFile(answers, &target));
  tensorflow::io::SequentialRecordReader reader(source.get());
  tensorflow::io::RecordWriter writer(target.get());

  while (true) {
    tensorflow::tstring record;
    const absl::Status read = reader.ReadRecord(&record);
    // The end of the file.
    if (absl::IsOutOfRange(read)) break;
    TF_RETURN_IF_ERROR(read);
    Message request;
    if (!request.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
      return tensorflow::errors::DataLoss(requests, " holds a record that is no NameAttrList");
    }
    Message answer;
    const absl::Status status = Run(bundle, request, &answer);
    if (!status.ok()) answer.set_name(status.ToString());
    TF_RETURN_IF_ERROR(writer.WriteRecord(answer.SerializeAsString()));
  }
  TF_RETURN_IF_ERROR(writer.Close());
  return target->Close();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "replay <version directory> <requests> <answers>\n";
    return 1;
  }
  tensorflow::SavedModelBundle bundle;
  absl::Status status = tensorflow::LoadSavedModel(tensorflow::SessionOptions(),
                                                   tensorflow::RunOptions(), arguments[1],
                                                   {"serve"}, &bundle);
  if (status.ok()) status = Replay(bundle, arguments[2], arguments[3]);
  if (!status.ok()) {
    std::cerr << status.ToString() << "\n";
    return 1;
  }
  return 0;
}

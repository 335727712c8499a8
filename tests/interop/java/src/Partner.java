import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.ErrorInfo;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import postern.v1.Job;
import postern.v1.JobServiceGrpc;
import postern.v1.JobServiceGrpc.JobServiceBlockingStub;
import postern.v1.SubmitJobRequest;
import postern.v1.WatchJobRequest;

/** A partner in Java: submits jobs and learns what became of them. This file is what to copy, Client.java what it is checked with. */
final class Partner {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final JobServiceBlockingStub jobs;

    /** Takes a channel to a server or an edge, and an access token. */
    Partner(Channel channel, String token) {
        var metadata = new Metadata();
        metadata.put(AUTHORIZATION, "Bearer " + token);
        jobs = JobServiceGrpc.newBlockingStub(channel)
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
    }

    /** Hands a job over once, however often it is called with this key. */
    Job submit(String jobType, String key, Struct payload) {
        var request = SubmitJobRequest.newBuilder().setJobType(jobType).setRequestId(key).setPayload(payload).build();
        return jobs.withDeadlineAfter(10, TimeUnit.SECONDS).submitJob(request).getJob();
    }

    /**
     * Shows the job as it is, then at every change, until it has ended or {@code wantsMore} says no. Whoever breaks off, or is cut
     * off, goes on with the revision seen last; without one it begins anew.
     */
    void watch(String jobId, OptionalInt afterRevision, Predicate<Job> wantsMore) {
        var request = WatchJobRequest.newBuilder().setJobId(jobId);
        afterRevision.ifPresent(request::setAfterRevision);
        // Closing the context ends the call, wherever it stands.
        try (var call = Context.current().withCancellation()) {
            call.run(() -> {
                var answers = jobs.watchJob(request.build());
                while (answers.hasNext() && wantsMore.test(answers.next().getJob())) {}
            });
        }
    }

    /** What an error carries besides its code and message: a reason to branch on, and the fields that do not fit. */
    record Why(String reason, List<FieldViolation> violations) {
        static Why of(StatusRuntimeException error) throws InvalidProtocolBufferException {
            var info = ErrorInfo.getDefaultInstance();
            var request = BadRequest.getDefaultInstance();
            for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
                if (detail.is(ErrorInfo.class)) info = detail.unpack(ErrorInfo.class);
                if (detail.is(BadRequest.class)) request = detail.unpack(BadRequest.class);
            }
            return new Why(info.getReason(), request.getFieldViolationsList());
        }
    }
}

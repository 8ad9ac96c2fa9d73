;;; SPDX-License-Identifier: MIT
;;; What sbcl does with the page fault: guard pages below the stacks, a heap that is taken and given
;;; back, memory errors told as conditions, threads that are stopped for the collector. Both kernels
;;; must give the same bytes.

(defun say (name value)
  (format t "~a: ~a~%" name value)
  (finish-output))

(defvar *kept* (make-array 20000 :initial-element nil))

(defun churn (rounds)
  "Old objects that point to young ones, and garbage."
  (dotimes (round rounds)
    (dotimes (i 20000)
      (when (zerop (mod (+ i round) 7))
        (setf (aref *kept* i) (list i (format nil "~d" round)))))
    (make-array 200000)
    (sb-ext:gc))
  (sb-ext:gc :full t)
  (loop for entry across *kept* when entry sum (+ (first entry) (parse-integer (second entry)))))

(defun deep (n) (+ 1 (deep (+ n 1))))

(defun too-deep ()
  (handler-case (deep 0) (storage-condition () "exhausted, and goes on")))

(defun too-much ()
  (handler-case (loop with list do (push (make-array 500000) list))
    (storage-condition () "exhausted, and goes on")))

(defun touch (address)
  (handler-case (sb-sys:sap-ref-8 (sb-sys:int-sap address) 0)
    (sb-sys:memory-fault-error () "a memory fault")))

(defun crew ()
  "Threads that allocate while others collect."
  (let* ((lock (sb-thread:make-mutex))
         (sum 0)
         (threads (loop repeat 6 collect
                    (sb-thread:make-thread
                     (lambda ()
                       (dotimes (i 1000)
                         (make-array 100)
                         (sb-thread:with-mutex (lock) (incf sum))))))))
    (dotimes (i 3) (sb-ext:gc))
    (mapc #'sb-thread:join-thread threads)
    sum))

(defun child (command)
  (sb-ext:process-exit-code
   (sb-ext:run-program "/bin/sh" (list "-c" command) :output *standard-output*)))

(say "kept" (churn 12))
(say "stack" (too-deep))
(say "stack again" (too-deep))
(say "stack of a thread" (sb-thread:join-thread (sb-thread:make-thread #'too-deep)))
(say "heap" (too-much))
(say "address" (touch 4096))
(say "threads" (crew))
(say "child" (child "echo from the child; exit 5"))
(say "late" (handler-case (sb-ext:with-timeout 0.2 (loop)) (sb-ext:timeout () "interrupted")))
(say "kept" (churn 1))
(sb-ext:exit :code 3)
